"""``dvornik health``: the alerts, exit status 0 or 1."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik import health as alerts
from dvornik.cli import options
from dvornik.cli.cleanup import check
from dvornik.cli.output import answer
from dvornik.languages import _

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def health() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Exit status 0 or 1 for Docker and monitoring. Read-only."))
    @options.quiet
    @options.common
    @options.opened()
    def command(yard: Yard, *, quiet: bool, as_json: bool) -> int:
        options.must_not_be_both(quiet=quiet, as_json=as_json)
        if not as_json:
            return check(yard, quiet=quiet)
        yard.must_have_something()
        found = alerts.check(yard.health(), time.time())
        answer(json.dumps([msgspec.to_builtins(alert) for alert in found], indent=1))
        return 1 if found or yard.hindrances else 0

    return command
