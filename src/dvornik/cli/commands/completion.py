"""``dvornik completion``: the script that lets a shell complete verbs and flags."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from dvornik.languages import _

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


def completion() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Print the script that completes verbs and flags.\n\n"
            'bash: eval "$(dvornik completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc, after compinit. '
            "fish: dvornik completion fish > ~/.config/fish/completions/dvornik.fish"
        )
    )
    @click.argument("shell", type=click.Choice(list(_SHELLS)))
    @click.pass_context
    def command(ctx: click.Context, shell: str) -> None:
        writer = _SHELLS[shell](ctx.find_root().command, {}, "dvornik", "_DVORNIK_COMPLETE")
        # Not source(): it starts a shell only to look at its version.
        click.echo(writer.source_template % writer.source_vars())

    return command
