"""``dvornik schema``: the JSON Schemas of the report, the configuration and the plan."""

from __future__ import annotations

import json

import click

from dvornik.languages import _
from dvornik.reports.schemas import SCHEMAS


def schema() -> click.Command:
    """Build the verb. It needs no configuration: an editor asks before there is one."""

    @click.command(
        help=_(
            "Print the JSON Schema of reports, of dvornik.toml, or of a plan's lines.\n\n"
            "report: what --json prints. config: dvornik.toml, for an editor. plan: what plan -o writes, line by line."
        )
    )
    @click.argument("of", type=click.Choice(list(SCHEMAS)))
    def command(of: str) -> None:
        click.echo(json.dumps(SCHEMAS[of](), indent=1))

    return command
