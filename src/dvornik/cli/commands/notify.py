"""``dvornik notify``: look at the alerts now, and tell people what they do not know yet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from dvornik import extras
from dvornik import notify as messages
from dvornik.cli import aftermath, options
from dvornik.cli.output import answer, say
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _, ngettext

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def notify() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Tell people about alerts that began, go on for long, or are over. A cleanup does so by itself: this is "
            "for a schedule of its own, which also notices that no cleanup comes."
        )
    )
    @click.option("--test", is_flag=True, help=_("Send a test message to every address."))
    @options.quiet
    @options.common
    @options.opened()
    def command(yard: Yard, *, test: bool, quiet: bool, as_json: bool) -> None:
        options.must_not_be_both(quiet=quiet, as_json=as_json)
        if not yard.config.notify.urls:
            raise ConfigurationError(
                _("Nobody is set to be told."), hint=_("Set DVORNIK_NOTIFY_URLS, or [notify] urls in dvornik.toml.")
            )
        try:
            told = _tested(yard) if test else _told(yard)
        except ImportError as error:
            raise ConfigurationError(
                _("The library for messages is not installed."),
                hint=_("Install it: {command}").format(command=extras.command("notify")),
            ) from error
        if as_json:
            answer(json.dumps({"told": told}))
        elif not quiet:
            said = ngettext("📨 Told {n} address", "📨 Told {n} addresses", told).format(n=told)
            say(said if told else _("✅ There is nothing new to tell"))

    return command


def _tested(yard: Yard) -> int:
    return _all(yard, aftermath.send(yard, messages.trial(yard.name), yard.config.notify.urls))


def _told(yard: Yard) -> int:
    return _all(yard, told) if (told := aftermath.tell_people(yard)) is not None else 0


def _all(yard: Yard, told: int) -> int:
    """Fail unless everybody was told: here the message is the work."""
    if told < messages.count(yard.config.notify.urls):
        raise UnreachableError(
            _("Not everybody could be told."), hint=_("The reason stands above; then: dvornik notify --test")
        )
    return told
