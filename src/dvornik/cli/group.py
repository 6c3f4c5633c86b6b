"""The ``dvornik`` command: a group whose verbs are imported only when they are called."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from dvornik import __version__, languages, terminal
from dvornik.cli import options
from dvornik.cli.colours import Context
from dvornik.languages import _

VERBS: Final = {
    "run": "run",
    "plan": "plan",
    "apply": "plan",
    "undo": "undo",
    "purge": "undo",
    "doctor": "doctor",
    "why": "why",
    "references": "references",
    "families": "families",
    "history": "history",
    "show": "history",
    "report": "report",
    "health": "health",
    "schedule": "schedule",
    "daemon": "daemon",
    "notify": "notify",
    "metrics": "metrics",
    "init": "init",
    "config": "configuration",
    "schema": "schema",
    "completion": "completion",
    "uninstall": "uninstall",
}
"""Each verb and the module of ``dvornik.cli.commands`` that builds it."""
_BEFORE: Final = "dvornik.before"
"""Under which a context keeps the options that stand before the verb."""
_FULL: Final = 200
"""Letters of a verb's first sentence that a list of verbs shows: all of it, which click would cut at the line's end."""


def sections() -> dict[str, list[str]]:
    """Return the verbs by what they are for, each once."""
    verbs = list(VERBS)
    begins = {_("Clean"): "run", _("Look"): "doctor", _("Automate"): "schedule", _("Set up"): "init"}
    starts = [verbs.index(first) for first in begins.values()]
    return {
        title: verbs[start:end] for title, start, end in zip(begins, starts, [*starts[1:], len(verbs)], strict=True)
    }


class LazyGroup(click.Group):
    """Builds a verb when it is asked for, so that its help speaks the chosen language and starting stays quick."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """Return the verbs in the order of use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import and build one verb."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"dvornik.cli.commands.{VERBS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name)()
        command.context_class = Context
        command.options_metavar = _("[OPTIONS]")
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the verb; what stands before it holds unless the same stands after it."""
        ctx.default_map = dict.fromkeys(VERBS, ctx.meta.get(_BEFORE, {}))
        return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; of a misspelt one say what it nearly is."""
        from difflib import get_close_matches

        verb = args[0]
        near = get_close_matches(verb, VERBS, 1)
        if verb in VERBS or not near or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        said = _("No such command {name!r}.").format(name=verb)
        raise click.UsageError(f"{said} {_('Did you mean {name}?').format(name=near[0])}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by what they are for, each with the whole of its first sentence."""
        for title, verbs in sections().items():
            found = {verb: self.get_command(ctx, verb) for verb in verbs}
            with formatter.section(title):
                formatter.write_dl([(verb, each.get_short_help_str(_FULL)) for verb, each in found.items() if each])


def main() -> None:
    """Run the command line."""
    languages.use(options.language(sys.argv[1:], terminal.language_of_locale(os.environ)))
    group().main(prog_name="dvornik")


def group() -> click.Group:
    """Build the command in the language spoken now."""
    return LazyGroup(
        "dvornik",
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_(
            "Housekeeping for self-hosted web applications: removes what an application leaves behind, and nothing "
            "that anything still refers to."
        ),
        options_metavar=_("[OPTIONS]"),
        subcommand_metavar=_("COMMAND …"),
        epilog=_("Begin with: dvornik run --dry-run"),
        params=[
            click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version,
                         help=_("Show the version.")),
            *options.general(_hand_on),
        ],
    )  # fmt: skip


def _hand_on(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Keep for the verb what stands before it."""
    if value and param.name:
        ctx.meta.setdefault(_BEFORE, {})[param.name] = value


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 - click's own
    if value:
        click.echo(f"dvornik {__version__}")
        ctx.exit()
