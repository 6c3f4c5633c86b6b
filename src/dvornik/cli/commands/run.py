"""``dvornik run``: plan and apply in one go, as ``cleanup.py`` does."""

from __future__ import annotations

import click

from dvornik.cli import options
from dvornik.cli.cleaning import Order, clean, confirm
from dvornik.cli.yard import Yard, chosen
from dvornik.languages import _


def run() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Clean up: all steps but the cache, or those that are named.\n\n"
            "temp: old temporary files. logs: old logs. media: files that nothing refers to. sessions: expired rows. "
            "database: optimization. cache: what the application can fill again."
        )
    )
    @options.steps
    @click.option("--dry-run", is_flag=True, help=_("Show what would go; remove and change nothing, anywhere."))
    @options.aggressive
    @click.option(
        "--report",
        metavar="FILE",
        help=_("Write a report besides: .html, .md, .json or .txt; what is there is replaced."),
    )
    @options.allow
    @options.strict
    @options.quiet
    @options.common
    @options.opened()
    def command(
        yard: Yard,
        *,
        steps: tuple[str, ...],
        dry_run: bool,
        aggressive: bool,
        yes: bool,
        report: str | None,
        allow: list[str],
        strict: bool,
        quiet: bool,
        as_json: bool,
    ) -> int:
        options.must_not_be_both(quiet=quiet, as_json=as_json)
        if aggressive and not (yes or dry_run):
            confirm()
        yard.strict |= strict
        if report and dry_run:
            raise click.UsageError(_("--report tells what was done; for a dry run: dvornik run --dry-run --json"))
        order = Order(
            chosen(yard, steps, thorough=aggressive),
            dry=dry_run,
            thorough=aggressive,
            allowed=allow,
            json=as_json,
            asked_for_cache="cache" in steps,
            quiet=quiet,
            report=report or "",
        )
        return clean(yard, order)

    return command
