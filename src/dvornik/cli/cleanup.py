"""The command behind ``cleanup.py``: its flags, and what they choose."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from dvornik import __version__, health, languages, quick_health
from dvornik.cli import options
from dvornik.cli.cleaning import Order, clean, confirm
from dvornik.cli.colours import Context
from dvornik.cli.output import say
from dvornik.cli.yard import Yard, chosen
from dvornik.languages import _
from dvornik.reports import words

_ONLY = {
    "temp_only": "temp",
    "logs_only": "logs",
    "media_only": "media",
    "sessions_only": "sessions",
    "db_only": "database",
    "cache_only": "cache",
}


def main(script: str) -> None:
    """Run ``cleanup.py``, which lies at ``script`` (``…/scripts/maintenance/cleanup.py`` of a backend)."""
    directory = home(Path(script))
    languages.use(options.language(sys.argv[1:], "ru"))
    built = command(directory)
    built.context_class = Context
    built.main(prog_name="cleanup.py")


def home(script: Path) -> str:
    """Return the directory whose application is meant: the current one if it is one, else the script's backend.

    A ``.env`` alone says least: it often lies beside the compose file, above the backend that it is for.
    """
    here = Path.cwd()
    backend = script.resolve().parents[2]
    for marks in (("dvornik.toml", "manage.py"), (".env",)):
        for directory in (here, backend):
            if any((directory / mark).is_file() for mark in marks):
                return str(directory)
    return str(here)


def command(directory: str) -> click.Command:
    """Build the command. It is built late, so that its help speaks the chosen language."""

    @click.command(
        options_metavar=_("[OPTIONS]"),
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_(
            "Clean up what the application leaves behind: temporary files, logs, unused media, expired sessions; "
            "optimize the database. The cache only when asked.\n\n"
            "Before the first run on production: make a backup, look at --dry-run, try it in development."
        ),
        epilog=_("Exit codes: 0 done, 1 failed, 2 usage, 3 some items failed, 10 refused, 11 locked, 12 unreachable."),
    )
    @click.option("--temp-only", is_flag=True, help=_("Temporary files alone. Safe: touches nothing else."))
    @click.option("--logs-only", is_flag=True, help=_("Logs alone. Safe: touches only old logs."))
    @click.option("--media-only", is_flag=True, help=_("Unused media alone; set aside, undo brings them back."))
    @click.option("--sessions-only", is_flag=True, help=_("Expired sessions alone."))
    @click.option("--db-only", is_flag=True, help=_("Database optimization alone. A large database takes long."))
    @click.option("--cache-only", is_flag=True, help=_("The Redis cache alone. The application fills it again."))
    @options.aggressive
    @click.option("--dry-run", is_flag=True, help=_("Show what would go; remove and change nothing, anywhere."))
    @click.option("--health-check", is_flag=True, help=_("Exit status 0 or 1 for Docker and monitoring. Read-only."))
    @options.allow
    @options.quiet
    @options.common
    @click.version_option(__version__, prog_name="dvornik", help=_("Show the version."))
    @options.opened("ru", lambda: directory)
    def cleanup(
        yard: Yard,
        *,
        aggressive: bool,
        dry_run: bool,
        health_check: bool,
        yes: bool,
        allow: list[str],
        quiet: bool,
        as_json: bool,
        **only: bool,
    ) -> int:
        steps = [step for flag, step in _ONLY.items() if only[flag]]
        if health_check:
            if steps or aggressive:
                raise click.UsageError(_("--health-check cleans nothing: leave out the other flags."))
            return check(yard, quiet=quiet)
        options.must_not_be_both(quiet=quiet, as_json=as_json)
        if aggressive and not (yes or dry_run):
            confirm()
        order = Order(
            chosen(yard, steps, thorough=aggressive),
            dry=dry_run,
            thorough=aggressive,
            allowed=allow,
            json=as_json,
            asked_for_cache="cache" in steps,
            quiet=quiet,
        )
        return clean(yard, order)

    return cleanup


def check(yard: Yard, *, quiet: bool = False) -> int:
    """Answer the health check the thorough way: from the configuration as it is now."""
    yard.must_have_something()
    reasons, unreadable = quick_health.judge(health.record(yard.health()), time.time())
    said = [f"❌ {words.safe(trouble.message)}" for trouble in yard.hindrances]  # a run would end with 12
    if reasons or not said:
        said = [*quick_health.lines(reasons, unreadable, languages.current()), *said]
    is_ill = bool(reasons or yard.hindrances)
    if is_ill or not quiet:
        say(*said)
    return 1 if is_ill else 0
