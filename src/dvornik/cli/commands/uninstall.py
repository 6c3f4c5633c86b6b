"""``dvornik uninstall``: remove schedules and state, restore or purge the quarantine, say what is left."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik import state, state_directory
from dvornik.cli import options
from dvornik.cli.cleaning import choose, confirm_purge, lock, recover
from dvornik.cli.commands.undo import REVERSIBLE, must_be_trusted, tell
from dvornik.cli.output import say
from dvornik.cli.ownership import as_owner
from dvornik.errors import ConfigurationError
from dvornik.languages import _, ngettext
from dvornik.reports import words
from dvornik.schedule import cron, installed, installing
from dvornik.schedule.installation import marker
from dvornik.storages import quarantine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.cli.yard import Yard
    from dvornik.engine import Engine

RESTORE: Final = "restore"
PURGE: Final = "purge"
_INCOMPLETE: Final = 3


class _Schedules(msgspec.Struct, frozen=True):
    """What was installed for this installation, and this user can see."""

    files: dict[str, list[Path]]
    crontab: tuple[str, str] | None
    """The lines around our block in the user's own crontab."""

    def removed(self) -> list[str]:
        """Take everything away; return what it was."""
        installed.remove(self.files)
        if self.crontab:
            installing.out_of_crontab(*self.crontab)
        return self.names()

    def names(self) -> list[str]:
        """Return what there is, for a person."""
        own = [_("the block in your crontab")] if self.crontab else []
        return [*(words.safe(str(path)) for paths in self.files.values() for path in paths), *own]


def uninstall() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Remove the schedules and the state of this installation; restore or purge its quarantine. The package, "
            "the configuration and the log stay: it says where they are."
        )
    )
    @click.option("--restore", "fate", flag_value=RESTORE, help=_("Bring back everything that is in quarantine."))
    @click.option("--purge", "fate", flag_value=PURGE, help=_("Delete for good what is in quarantine."))
    @click.option("--dry-run", is_flag=True, help=_("Show what would go; remove and change nothing, anywhere."))
    @click.option("--yes", "-y", is_flag=True, help=_("Do not ask before --purge."))
    @options.allow
    @options.common
    @options.opened()
    def command(
        yard: Yard,
        *,
        fate: str | None,
        dry_run: bool,
        yes: bool,
        allow: list[str],
        as_json: bool,  # noqa: ARG001 - every command takes it; here it only shapes an error
    ) -> int:
        schedules = _schedules(yard)
        installed.must_be_removable(schedules.files)
        directory = yard.state.directory
        owner = directory if directory.is_dir() else yard.loaded.base
        if dry_run:
            with as_owner(owner):
                _show(yard, schedules, fate)
            return 0
        with as_owner(owner):
            lock(yard)
            engine = yard.engine(REVERSIBLE)
            recover(engine, quiet=False)
            chosen = _chosen(yard, engine, fate, allow, yes=yes)
        say(*(_("🗑️ Removed: {path}").format(path=name) for name in schedules.removed()))
        with as_owner(owner):
            code = _settle(yard, engine, chosen)
            if not code:
                _remove_state(yard)
        say(*_left(yard))
        return code

    return command


def _schedules(yard: Yard) -> _Schedules:
    mark = marker(str(yard.loaded.base))
    edges = cron.edges(mark)
    return _Schedules(installed.files(mark), edges if installed.has_crontab(*edges) else None)


def _chosen(yard: Yard, engine: Engine, fate: str | None, allow: list[str], *, yes: bool) -> str:
    """Return what is to become of the quarantine, before anything is removed; empty where it is empty."""
    waiting = engine.set_aside()
    if not waiting:
        return ""
    count, size = _total(waiting)
    said = ngettext("{n} file ({size}) is in quarantine.", "{n} files ({size}) are in quarantine.", count)
    said = said.format(n=count, size=words.size(size))
    chosen = fate or choose(f"{said} {_('Restore or purge?')}", {RESTORE: RESTORE, PURGE: PURGE})
    if not chosen:
        raise ConfigurationError(
            said, hint=_("Say what is to become of it: --restore brings everything back, --purge deletes it for good.")
        )
    if chosen == PURGE:
        must_be_trusted(yard, engine, allow)
        if not yes:
            confirm_purge(count, size)
    return chosen


def _settle(yard: Yard, engine: Engine, chosen: str) -> int:
    """Empty the quarantine; return 3 where something stays there, and so the state that knows of it."""
    runs = list(reversed(engine.set_aside()))
    if chosen == RESTORE:
        for run in runs:
            tell(engine.undo(run, state.new_run()))
    elif chosen == PURGE:
        tell(engine.purge(runs, state.new_run()))
    left = engine.set_aside()
    if left:
        count, size = _total(left)
        said = ngettext(
            "⚠️ {n} file ({size}) stays in quarantine, and with it the state: see above",
            "⚠️ {n} files ({size}) stay in quarantine, and with them the state: see above",
            count,
        )
        say(said.format(n=count, size=words.size(size)))
        return _INCOMPLETE
    for root in yard.roots.values():
        quarantine.remove_hollow(os.path.realpath(root))
    return 0


def _remove_state(yard: Yard) -> None:
    yard.log.close()
    yard.state.close()
    directory = yard.state.directory
    left = state_directory.remove(directory) if directory.is_dir() else []
    path = words.safe(str(directory))
    if left:
        names = ", ".join(map(words.safe, left))
        say(_("⚠️ {path} stays: it holds what dvornik did not make: {names}").format(path=path, names=names))
    else:
        say(_("🗑️ Removed: {path}").format(path=path))


def _show(yard: Yard, schedules: _Schedules, fate: str | None) -> None:
    yard.state.will_be_private()
    say(_("🔍 A dry run: nothing is removed or changed"))
    for name in schedules.names():
        say(_("🗑️ Would be removed: {path}").format(path=name))
    count, size = _total(yard.engine(REVERSIBLE).set_aside())
    if count:
        said = {
            RESTORE: ngettext("↩️ {n} file ({size}) would be brought back", "↩️ {n} files ({size}) would be brought back", count),
            PURGE: ngettext("🧺 {n} file ({size}) would be deleted for good", "🧺 {n} files ({size}) would be deleted for good", count),
            "": ngettext(
                "❓ {n} file ({size}) is in quarantine: choose --restore or --purge",
                "❓ {n} files ({size}) are in quarantine: choose --restore or --purge",
                count,
            ),
        }  # fmt: skip
        say(said[fate or ""].format(n=count, size=words.size(size)))
    if yard.state.directory.is_dir():
        say(_("🗑️ Would be removed: {path}").format(path=words.safe(str(yard.state.directory))))
    say(*_left(yard))


def _left(yard: Yard) -> Iterator[str]:
    """Say what is not ours to remove."""
    source, log = yard.loaded.source, yard.config.log.path
    paths = [path for path in (str(source or ""), log) if path and Path(path).exists()]
    for path in paths:
        yield _("ℹ️ Stays: {path}").format(path=words.safe(path))
    python = shlex.quote(sys.executable)
    yield _("ℹ️ Stays: the package. Remove it with: {command}").format(command=f"{python} -m pip uninstall dvornik")
    yield _("ℹ️ What was written for compose or Kubernetes, and schedules of other users, are yours to remove")


def _total(waiting: dict[str, tuple[int, int]]) -> tuple[int, int]:
    return sum(count for count, _size in waiting.values()), sum(size for _count, size in waiting.values())
