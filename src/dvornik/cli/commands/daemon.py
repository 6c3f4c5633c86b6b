"""``dvornik daemon``: keep the schedules where there is no cron, as the main process of a container."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import click

from dvornik.cli import options
from dvornik.cli.commands.metrics import server
from dvornik.cli.commands.schedule import look_at
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.schedule.crontimes import zone
from dvornik.schedule.daemon import Daemon, Order
from dvornik.schedule.stamps import Clock

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def daemon() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Keep the schedules of [schedule] where there is no cron, as the main process of a container. Each run is "
            "a process of its own; one that was missed is made up for once. SIGTERM ends it in good order."
        )
    )
    @click.option("--once", is_flag=True, help=_("Do what is due now, then end with the worst exit code."))
    @click.option(
        "--metrics",
        "listen",
        metavar="[HOST:]PORT",
        help=_("Serve /metrics meanwhile; a port alone is the loopback's. Else as [metrics] listen says."),
    )
    @options.common
    @options.opened()
    def command(yard: Yard, *, once: bool, listen: str | None, as_json: bool) -> int:  # noqa: ARG001 - every command takes --json
        if sys.platform != "linux":
            raise ConfigurationError(
                _("The daemon needs Linux."), hint=_("Let the system's own scheduler start: dvornik run")
            )
        installation = look_at(yard, os.environ)
        section = yard.config.schedule
        if not installation.schedules:
            raise ConfigurationError(
                _("[schedule] switches every schedule off"), hint=_('Set at least one, such as daily = "0 2 * * *".')
            )
        os.chdir(installation.directory)
        where = yard.config.metrics.listen if listen is None else listen
        figures = server(yard, where) if where and not once else None
        clock = Clock(zone(section.timezone), installation.jitter, f"{socket.gethostname()} {installation.directory}")
        keeper = Daemon(Order(installation, clock, dict(os.environ)), yard.state.directory)
        return keeper.catch_up() if once else keeper.serve(figures)

    return command
