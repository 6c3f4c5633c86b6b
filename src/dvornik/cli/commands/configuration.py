"""``dvornik config``: check the configuration and show what is in force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik.cli import options
from dvornik.cli.cleaning import say
from dvornik.languages import _
from dvornik.reports import text, words

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def config() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Check the configuration and show what is under care. Exit 2 when it has errors."))
    @options.common
    @options.opened()
    def command(yard: Yard, *, as_json: bool) -> int:
        app = yard.app
        if as_json:
            found = {"source": str(yard.loaded.source or ""), "digest": yard.loaded.digest}
            click.echo(json.dumps({**found, "found": msgspec.to_builtins(app.found), "roots": yard.roots}, indent=1))
        else:
            say(_("⚙️ Configuration: {path}").format(path=yard.loaded.source or _("none; found out by itself")))
            say(*text.found(app))
            for trouble in app.trouble:
                say(f"❌ {words.safe(trouble.message)}", f"   {trouble.hint}")
            if not app.trouble:
                say(_("✅ The configuration is right"))
        return 12 if app.trouble else 0

    return command
