"""``dvornik uninstall``: remove schedules and state, restore or purge the quarantine, say what is left."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik import languages, metrics, quick_health, state, state_check
from dvornik.cli import options
from dvornik.cli.cleaning import can_ask, choose, confirm_purge, confirm_uninstall, lock, recover
from dvornik.cli.commands.undo import REVERSIBLE, must_be_trusted, tell
from dvornik.cli.output import say
from dvornik.cli.ownership import Owner, as_owner, other_owner
from dvornik.errors import ConfigurationError, DvornikError, UnreachableError
from dvornik.languages import _, ngettext
from dvornik.reports import text, words
from dvornik.schedule import installed, stamps
from dvornik.schedule.adoption import DOCKERFILE
from dvornik.schedule.compose_project import MARK
from dvornik.schedule.installation import marker
from dvornik.schedule.installed import Installed  # noqa: TC001 - msgspec reads the annotations
from dvornik.storages.quarantine import has_beside, remains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.cli.yard import Yard
    from dvornik.engine import Engine

RESTORE: Final = "restore"
PURGE: Final = "purge"
_INCOMPLETE: Final = 3
_MOST: Final = 10
"""Files of others in a quarantine that are named one by one."""


class _Parts(msgspec.Struct, frozen=True):
    """What there is to remove beside the quarantine."""

    owner: Owner | None
    """The user whose installation root removes; ``None``: our own."""
    schedules: Installed
    """Those that we see ourselves."""
    owners: Installed | None
    """Where root removes another user's installation, those of that user's own account."""
    has_daemon: bool
    """Whether ``dvornik daemon`` has kept the schedules."""

    @property
    def names(self) -> list[str]:
        """Name the schedules."""
        return [*self.schedules.names, *(self.owners.names if self.owners else [])]

    def unschedule(self) -> Iterator[str]:
        """Remove the schedules; yield what each was."""
        yield from self.schedules.remove()
        if self.owners:
            with as_owner(self.owner):
                yield from self.owners.remove()


def uninstall() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Remove the schedules and the state of this installation; restore or purge its quarantine. Package, "
            "configuration and log stay: their paths are listed, with the command that removes the package."
        )
    )
    @click.option("--restore", "fate", flag_value=RESTORE, help=_("Bring back everything in quarantine."))
    @click.option("--purge", "fate", flag_value=PURGE, help=_("Delete everything in quarantine for good."))
    @click.option("--dry-run", is_flag=True, help=_("Show what would go; remove and change nothing, anywhere."))
    @click.option("--yes", "-y", is_flag=True, help=_("Do not ask."))
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
        parts = _parts(yard)
        with as_owner(parts.owner):
            _must_reach(yard)
            nothing = not (parts.names or yard.state.directory.is_dir() or yard.engine(REVERSIBLE).set_aside())
            if nothing:
                say(_("Nothing of this installation is there."))
            elif dry_run:
                _show(yard, parts, fate or "")
            if nothing or dry_run:
                say(*_left(yard, parts, is_dry=dry_run))
                return 0
        return _uninstall(yard, parts, fate, allow, yes=yes)

    return command


def _uninstall(yard: Yard, parts: _Parts, fate: str | None, allow: list[str], *, yes: bool) -> int:
    """Ask first; then schedules, quarantine, state. Cut off anywhere, the next attempt goes on from there."""
    with as_owner(parts.owner):
        lock(yard)
        engine = yard.engine(REVERSIBLE)
        recover(engine, quiet=False)
        chosen = _chosen(yard, engine, fate, allow, yes=yes)
    for name in parts.unschedule():
        say(_("🗑️ Removed: {path}").format(path=words.safe(name)))
    with as_owner(parts.owner):
        code = _settle(yard, engine, chosen)
        if not code:
            _must_reach(yard)
            _remove_state(yard)
        say(*_left(yard, parts))
    return code


def _parts(yard: Yard) -> _Parts:
    directory, loaded = yard.state.directory, yard.loaded
    owner = other_owner(directory if directory.is_dir() else loaded.base)
    schedules, owners = installed.find(loaded.base, loaded.source), None
    schedules.must_be_removable()
    if owner:
        with as_owner(owner):
            _must_be_readable(directory)
            owners = installed.find(loaded.base, loaded.source)
        owners = owners.without(schedules)
        if owners.files:  # whose manager answers nobody but that user
            raise ConfigurationError(
                _("The owner of the state installed timers for their own account."),
                context=", ".join(owners.names),
                hint=_("Remove those first, as that user: dvornik schedule systemd --own --remove"),
            )
    return _Parts(owner, schedules, owners, (directory / stamps.NAME).exists())


def _must_be_readable(state_directory: Path) -> None:
    """Raise where the owner of the state may not read the program: it could not go on as that user."""
    if not all(os.access(path, os.R_OK) for path in (os.__file__, __file__)):
        raise ConfigurationError(
            _("The owner of the state cannot read this Python: {path}").format(path=sys.executable),
            context=str(state_directory),
            hint=_("Run the command with the Python that the schedules use, or as that user."),
        )


def _must_reach(yard: Yard) -> None:
    """Raise where a quarantine may lie that cannot be seen now: without the state nobody would find it again."""
    for trouble in yard.troubles(REVERSIBLE):
        raise UnreachableError(trouble.message, context=trouble.context, hint=trouble.hint)
    yard.state.will_be_private()
    why = state_check.objection(str(yard.state.directory))
    if why in {state_check.DENIED, state_check.READ_ONLY}:
        facts = {"why": why, "state": str(yard.state.directory)}
        raise DvornikError(quick_health.describe(quick_health.STATE, facts, languages.current()).removeprefix("❌ "))
    storages, surveyed = yard.storages(), yard.state.surveyed()
    for name, (root, storage) in storages.items():
        try:
            next(iter(storage.quarantined()), None)
        except UnreachableError as error:
            if not isinstance(error.__cause__, FileNotFoundError) or has_beside(root) or name in surveyed:
                raise
    lost = [name for name in surveyed if name not in storages]
    if lost:
        raise UnreachableError(
            _("A place that was cleaned before is not configured any more."),
            context=", ".join(map(words.safe, lost)),
            hint=_(
                "Its quarantine may still hold files: configure it again. If you have emptied it yourself: rm -r {path}"
            ).format(path=shlex.quote(str(yard.state.directory))),
        )


def _chosen(yard: Yard, engine: Engine, fate: str | None, allow: list[str], *, yes: bool) -> str:
    """Return what is to become of the quarantine, before anything is removed; empty where it is empty."""
    count, size = _total(engine)
    chosen = ""
    if count:
        said = ngettext("{n} file ({size}) is in quarantine.", "{n} files ({size}) are in quarantine.", count)
        said = said.format(n=count, size=words.size(size))
        chosen = fate or choose(f"{said} {_('Restore or purge?')}", (RESTORE, PURGE))
        if not chosen:
            raise ConfigurationError(
                said, hint=_("Choose: --restore brings everything back, --purge deletes it for good.")
            )
    if not (yes or can_ask()):
        raise ConfigurationError(
            _("There is no terminal to ask on, and this cannot be undone."),
            context=str(yard.loaded.base),
            hint=_("If it is meant, add --yes; --dry-run shows what would go."),
        )
    if chosen == PURGE:
        must_be_trusted(yard, engine, allow)
    if not yes:
        confirm_purge(count, size) if chosen == PURGE else confirm_uninstall(str(yard.loaded.base))
    return chosen


def _settle(yard: Yard, engine: Engine, chosen: str) -> int:
    """Empty the quarantine; return an exit code where anything stays there, and so the state that knows of it."""
    runs = list(reversed(engine.set_aside()))
    code = 0
    if chosen == RESTORE:
        for run in runs:
            code = tell(engine.undo(run, state.new_run())) or code
    elif chosen == PURGE:
        code = tell(engine.purge(runs, state.new_run()))
    count, size = _total(engine)
    for name, path in yard.left_behind().items():
        say(*(f"⚠️ {line}" for line in text.left_behind(name, path)))
        code = code or _INCOMPLETE
    if count:
        said = ngettext("⚠️ {n} file ({size}) stays in quarantine", "⚠️ {n} files ({size}) stay in quarantine", count)
        say(said.format(n=count, size=words.size(size)))
        code = code or _INCOMPLETE
    if code:
        say(_("⚠️ The state stays too: solve what is said above, then start the command again"))
    return code


def _remove_state(yard: Yard) -> None:
    yard.log.close()
    directory = yard.state.directory
    left = yard.state.remove()
    path = words.safe(str(directory))
    if left:
        names = ", ".join(map(words.safe, left))
        say(_("🗑️ Removed the state; {path} stays, with: {names}").format(path=path, names=names))
    elif directory.is_dir():
        say(_("🗑️ Removed the state; {path} stays, empty: a volume, or a link leads to it").format(path=path))
    else:
        say(_("🗑️ Removed: {path}").format(path=path))


def _show(yard: Yard, parts: _Parts, fate: str) -> None:
    say(_("🔍 Dry run: nothing is removed or changed"))
    state_directory = [str(yard.state.directory)] if yard.state.directory.is_dir() else []
    for name in [*parts.names, *state_directory]:
        say(_("🗑️ Would be removed: {path}").format(path=words.safe(name)))
    count, size = _total(yard.engine(REVERSIBLE))
    if count:
        said = {
            RESTORE: ngettext(
                "↩️ {n} file ({size}) would be brought back", "↩️ {n} files ({size}) would be brought back", count
            ),
            PURGE: ngettext(
                "🧺 {n} file ({size}) would be deleted for good",
                "🧺 {n} files ({size}) would be deleted for good",
                count,
            ),
            "": ngettext(
                "❓ {n} file ({size}) is in quarantine: choose --restore or --purge",
                "❓ {n} files ({size}) are in quarantine: choose --restore or --purge",
                count,
            ),
        }
        say(said[fate].format(n=count, size=words.size(size)))


def _left(yard: Yard, parts: _Parts, *, is_dry: bool = False) -> Iterator[str]:
    """Say what is not ours to remove."""
    loaded, config = yard.loaded, yard.config
    figures = str(metrics.textfile(config.metrics.textfile, yard.name)) if config.metrics.textfile else ""
    paths = [str(loaded.source or ""), config.log.path, figures, *map(str, _written(loaded.base))]
    for path in dict.fromkeys(path for path in paths if path and Path(path).exists()):
        yield _("ℹ️ Stays: {path}").format(path=words.safe(path))
    foreign = sorted({path for root in yard.roots.values() for path in remains(root, with_runs=not is_dry)})
    yield from (_("ℹ️ Stays: {path}").format(path=words.safe(path)) for path in foreign[:_MOST])
    if len(foreign) > _MOST:
        more = len(foreign) - _MOST
        yield ngettext("   and {n} more file", "   and {n} more files", more).format(n=more)
    for schedule in parts.schedules.foreign:
        yield _("ℹ️ Stays, it runs another configuration: {path}").format(path=words.safe(str(schedule)))
    if parts.schedules.unread:
        yield f"⚠️ {words.safe(parts.schedules.unread)}"
    if parts.has_daemon:
        yield _("⚠️ A dvornik daemon has kept the schedules: stop its service, or it goes on")
    python = shlex.quote(sys.executable)
    yield _("ℹ️ Stays: the package. Remove it with: {command}").format(command=f"{python} -m pip uninstall dvornik")
    yield _("ℹ️ Yours to remove: services in compose or Kubernetes, and what other users scheduled")


def _written(base: Path) -> Iterator[Path]:
    """Yield the compose and Kubernetes files in the application's directory that carry our mark."""
    mark = f"# {marker(str(base))}"
    for path in sorted([*base.glob("*.yml"), *base.glob("*.yaml"), base / DOCKERFILE]):
        try:
            with path.open(encoding="utf-8") as file:
                is_ours = file.readline().rstrip("\n") in {mark, MARK}
        except (OSError, ValueError):
            continue
        if is_ours:
            yield path


def _total(engine: Engine) -> tuple[int, int]:
    waiting = engine.set_aside().values()
    return sum(count for count, _size in waiting), sum(size for _count, size in waiting)
