"""``dvornik metrics``: the figures for Prometheus, from what the last runs left."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from dvornik import extras
from dvornik import metrics as figures
from dvornik.cli import aftermath, options
from dvornik.cli.output import answer
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _, of_system
from dvornik.metrics import otlp

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from dvornik.cli.yard import Yard
    from dvornik.metrics.server import Server


def metrics() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Print the figures for Prometheus, from what the last runs left. Read-only and quick."))
    @click.option(
        "--deliver", is_flag=True, help=_("Write the textfile, push to the gateway and the collector instead, as set.")
    )
    @click.option(
        "--listen",
        metavar="[HOST:]PORT",
        help=_("Serve them at /metrics until interrupted; a port alone is the loopback's."),
    )
    @options.common
    @options.opened()
    def command(yard: Yard, *, deliver: bool, listen: str | None, as_json: bool) -> None:
        settings = yard.config.metrics
        if listen is not None:
            _serve(server(yard, listen))
        elif as_json:
            samples = figures.samples(yard.last_health(), time.time())
            fields = ("name", "labels", "value")
            answer(json.dumps([dict(zip(fields, sample, strict=True)) for sample in samples], indent=1))
        elif not deliver:
            answer(figures.exposition(_registry(yard)).decode().removesuffix("\n"))
        elif settings.textfile or settings.pushgateway or otlp.signals(yard.config.telemetry, os.environ):
            _delivered(yard)
        else:
            raise ConfigurationError(
                _("Neither a textfile, a push gateway nor a collector is set."),
                hint=_("Set [metrics] textfile or pushgateway, or [telemetry] endpoint, in dvornik.toml."),
            )

    return command


def server(yard: Yard, where: str) -> Server:
    """Return a server that listens at ``where`` and tells what the last runs left, each time that somebody asks."""
    from dvornik.metrics.server import Address, Server

    _registry(yard)  # what is wrong with it is told now, not to the first who asks
    try:
        return Server(Address.of(where), lambda: _registry(yard))
    except ValueError:
        raise ConfigurationError(
            _("This is no address to listen at."), context=where, hint=_("Write it like 9108 or 0.0.0.0:9108.")
        ) from None
    except OSError as error:
        raise ConfigurationError(
            _("Nobody can listen there: {error}").format(error=of_system(error)),
            context=where,
            hint=_("Name another port, or an address of this machine."),
        ) from error


def _serve(serving: Server) -> None:
    click.echo(_("👂 Listening at {url}; Ctrl-C ends it").format(url=serving.url), err=True)
    with suppress(KeyboardInterrupt):  # which is how a server is ended, by SIGTERM too
        serving.serve()


def _registry(yard: Yard) -> CollectorRegistry:
    try:
        return figures.registry(yard.last_health(), yard.name, time.time())
    except ImportError as error:
        raise _not_installed("metrics") from error


def _delivered(yard: Yard) -> None:
    settings = yard.config.metrics
    try:
        if settings.textfile or settings.pushgateway:
            aftermath.deliver_metrics(yard)
        if otlp.signals(yard.config.telemetry, os.environ):
            aftermath.deliver_telemetry(yard)
    except ImportError as error:
        raise _not_installed("otel" if "opentelemetry" in str(error) else "metrics") from error
    except OSError as error:
        raise UnreachableError(
            _("The metrics could not be delivered."),
            context=yard.secrets.hide(str(error)),
            hint=_("Check [metrics] textfile and pushgateway, and [telemetry] endpoint."),
        ) from error


def _not_installed(extra: str) -> ConfigurationError:
    return ConfigurationError(
        _("The library for Prometheus is not installed.")
        if extra == "metrics"
        else _("The library for OpenTelemetry is not installed."),
        hint=_("Install it: {command}").format(command=extras.command(extra)),
    )
