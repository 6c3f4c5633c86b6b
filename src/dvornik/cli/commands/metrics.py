"""``dvornik metrics``: the figures for Prometheus, from what the last runs left."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import click

from dvornik import metrics as figures
from dvornik.cli import aftermath, options
from dvornik.languages import _
from dvornik.model import ConfigurationError, UnreachableError

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def metrics() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Print the figures for Prometheus, from what the last runs left. Read-only and quick."))
    @click.option("--deliver", is_flag=True, help=_("Write the textfile and push to the gateway instead, as set."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, deliver: bool, as_json: bool) -> None:
        settings = yard.config.metrics
        if as_json:
            samples = figures.samples(yard.last_health(), time.time())
            fields = ("name", "labels", "value")
            click.echo(json.dumps([dict(zip(fields, sample, strict=True)) for sample in samples], indent=1))
        elif not deliver:
            sys.stdout.write(_exposition(yard))
        elif settings.textfile or settings.pushgateway:
            _delivered(yard)
        else:
            raise ConfigurationError(
                _("Neither a textfile nor a push gateway is set."),
                hint=_("Set [metrics] textfile or pushgateway in dvornik.toml."),
            )

    return command


def _exposition(yard: Yard) -> str:
    try:
        return figures.exposition(figures.registry(yard.last_health(), yard.name, time.time())).decode()
    except ImportError as error:
        raise _not_installed() from error


def _delivered(yard: Yard) -> None:
    try:
        aftermath.deliver_metrics(yard)
    except ImportError as error:
        raise _not_installed() from error
    except OSError as error:
        raise UnreachableError(
            _("The metrics could not be delivered."),
            context=yard.secrets.hide(str(error)),
            hint=_("Check [metrics] textfile and pushgateway."),
        ) from error


def _not_installed() -> ConfigurationError:
    return ConfigurationError(
        _("The library for Prometheus is not installed."), hint=_("Install it: pip install 'dvornik[metrics]'")
    )
