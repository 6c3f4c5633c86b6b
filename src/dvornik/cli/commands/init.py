"""``dvornik init``: look at a project and write a commented ``dvornik.toml``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dvornik import served
from dvornik.cli import options
from dvornik.cli.output import answer, say
from dvornik.config.sample import sample
from dvornik.config.web_servers import document_roots
from dvornik.errors import ConfigurationError
from dvornik.languages import _, of_system
from dvornik.reports import text

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def init() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Look at this project and write a commented dvornik.toml. Overwrites nothing."))
    @click.option("-o", "--output", metavar="FILE", help=_("Where to; - for standard output. Default: dvornik.toml."))
    @click.option("--full", is_flag=True, help=_("Write every setting with its default, not only what was found."))
    @click.option(
        "--docker",
        is_flag=True,
        help=_("For a project under Docker Compose: write service, volume, script and lines for the Dockerfile."),
    )
    @click.option("--service", metavar="SERVICE", default="", help=_("--docker: the application's service."))
    @click.option(
        "--compose",
        metavar="FILE",
        multiple=True,
        help=_("--docker: a compose file of the project; several times for several. Else it is looked for."),
    )
    @options.common
    @options.opened()
    def command(
        yard: Yard,
        *,
        output: str | None,
        full: bool,
        docker: bool,
        service: str,
        compose: tuple[str, ...],
        as_json: bool,
    ) -> None:
        if docker:
            from dvornik.cli.adopting import adopt

            adopt(yard.loaded.base, compose, service)
            return
        if service or compose:
            raise click.UsageError(_("--service and --compose go with --docker."))
        if not full:
            yard.must_have_something()
        written = sample(yard.app, yard.config, yard.loaded.base, full=full)
        if output == "-" or as_json:
            answer(written.removesuffix("\n"))
            return
        path = Path(output) if output else yard.loaded.base / "dvornik.toml"
        if not output and (around := _around(yard)):
            raise ConfigurationError(
                _("A web server may serve this directory, and the configuration with it."),
                context=around,
                hint=_("Name a file elsewhere with --output, and run dvornik with --config or DVORNIK_CONFIG."),
            )
        made = False
        try:
            with path.open("x", encoding="utf-8") as file:
                made = True
                file.write(written)
        except OSError as error:
            if made:  # half of one would be taken for the whole
                path.unlink(missing_ok=True)
            raise ConfigurationError(
                _("The configuration cannot be written: {error}").format(error=of_system(error)),
                context=str(path),
                hint=_("Move the old one away, or name another file with --output."),
            ) from error
        say(*text.found(yard.app), _("📝 Written: {path}. Next: dvornik run --dry-run").format(path=path))

    return command


def _around(yard: Yard) -> str:
    """Return the directory around ours that a web server seems to serve; empty: none."""
    return served.root_of(os.path.realpath(yard.loaded.base), yard.public | document_roots())
