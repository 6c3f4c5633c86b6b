"""``dvornik doctor``: one screen on where the space went and whether the installation is set up right."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik import diagnosis, health, quick_health, state, state_check
from dvornik.cli import options
from dvornik.cli.output import answer, say
from dvornik.cli.ownership import shut_out
from dvornik.cli.yard import DEFAULT
from dvornik.config.warnings import warnings
from dvornik.errors import DvornikError, UnreachableError
from dvornik.languages import _, current
from dvornik.reports import checkup, document, text, words
from dvornik.reports.checkup import APPLICATION, Checkup, Preview, Problem, Shelter
from dvornik.storages.local import LocalStorage
from dvornik.storages.quarantine import base_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.cli.yard import Yard
    from dvornik.contracts.database import TableSize
    from dvornik.diagnosis import Disk, Size

_REMEMBERED: Final = 30 * 86400
"""Growth is judged against the sizes of the last month, in seconds."""
_TENDING: Final = "database/optimise"
"""What each run does, whether there is anything to gain or not."""
_TENDED: Final = 86400
"""Seconds during which doing it again is not worth a word."""
_MANY_FILES: Final = 300_000
_MUCH_DATA: Final = 2_000_000_000
"""Above either a plan takes longer than somebody at a screen waits: references are looked for in all of it."""


def doctor() -> click.Command:
    """Build the verb."""

    @click.command(help=_("One screen: where the space went, and is this set up right. Read-only."))
    @click.option(
        "--within",
        type=click.IntRange(1),
        default=20,
        show_default=True,
        metavar="SECONDS",
        help=_("Look at files for so long at most; what is left out is said."),
    )
    @options.common
    @options.opened()
    def command(yard: Yard, *, within: int, as_json: bool) -> int:
        yard.must_have_something()
        seen = _examined(yard, within)
        problems = [*checkup.problems(seen), *_own_problems(yard)]
        if as_json:
            told = {"problems": msgspec.to_builtins(problems)}
            answer(json.dumps({**msgspec.to_builtins(seen), **told}, indent=1))
        else:
            say(*checkup.lines(seen, problems))
        return 1 if problems else 0

    return command  # fmt: skip


def _examined(yard: Yard, within: int) -> Checkup:
    """Look at everything, and change nothing: not even the state, so that it can be asked on a full disk."""
    now = time.time()
    sizes, large = diagnosis.measure({**yard.storages(), **_rest(yard)}, seconds=within)
    tables, hints = diagnosis.tables(yard.databases)
    memory, cache_hints = diagnosis.memory(yard.app.caches)
    waiting = _waiting(yard)
    return Checkup(
        configuration=str(yard.loaded.source or ""),
        how=yard.loaded.notes[0],
        user=diagnosis.user(),
        found=yard.app.found,
        trouble=yard.app.trouble,
        disks=_disks(yard),
        places=sizes,
        large=large,
        growth=_growth(yard, sizes, now),
        databases=tables,
        caches=memory,
        set_aside=waiting,
        purged_from={run: state.started(run) + float(yard.config.policy.quarantine) for run in waiting},
        quarantines=list(_shelters(yard)),
        last_success=yard.health().last_success,
        guards=diagnosis.guards(),
        restricted=_restricted(yard),
        state=str(yard.state.directory),
        state_objection=state_check.objection(str(yard.state.directory)),
        preview=_preview(yard, sizes, tables),
        now=now,
        skipped=[size.place for size in sizes if not size.complete],
        unrestricted=_unrestricted(yard),
        database_hints=hints,
        cache_hints=cache_hints,
    )


def _rest(yard: Yard) -> dict[str, tuple[str, LocalStorage]]:
    """Return the application's own directory without its places: what fills the disk need not lie in one of them."""
    base = str(yard.loaded.base)
    if os.path.realpath(base) == "/":
        return {}
    return {APPLICATION: (base, LocalStorage(APPLICATION, base, skip=[*yard.roots.values(), yard.config.app.state]))}


def _disks(yard: Yard) -> list[Disk]:
    found = [diagnosis.disk(root) for root in [*yard.roots.values(), str(yard.loaded.base)]]
    return list({disk.device: disk for disk in reversed(found) if disk}.values())


def _growth(yard: Yard, sizes: Sequence[Size], now: float) -> list[diagnosis.Growth]:
    try:
        return diagnosis.fastest(sizes, yard.state.weights(now - _REMEMBERED), now)
    except UnreachableError:  # the preview says so
        return []


def _waiting(yard: Yard) -> dict[str, tuple[int, int]]:
    try:
        return yard.engine(["media"]).set_aside()
    except UnreachableError:
        return {}


def _shelters(yard: Yard) -> Iterator[Shelter]:
    for name, root in yard.roots.items():
        if not name.startswith("media/"):
            continue
        with suppress(OSError):  # it is not there, which is told by itself
            base = base_for(root, yard.public)
            yield Shelter(name, base, base.startswith(root + os.sep))


def _restricted(yard: Yard) -> bool | None:
    try:
        last = next((report for run in yard.state.runs() if (report := yard.state.report(run.id))), "")
    except UnreachableError:
        return None
    return document.decoded(last).restricted if last else None


def _unrestricted(yard: Yard) -> str:
    """Say by a code why the kernel does not forbid removals elsewhere, or did not in the last run."""
    if lack := diagnosis.landlock_lack():
        return lack
    if _restricted(yard) is not False:
        return ""
    if yard.config.backup.command:
        return "backup"
    return "cut" if yard.config.logs.truncate_over else "refused"


def _preview(yard: Yard, sizes: Sequence[Size], tables: dict[str, Sequence[TableSize] | str]) -> Preview:
    files = sum(size.files for size in sizes if size.place != APPLICATION)
    data = sum(table.size for each in tables.values() if not isinstance(each, str) for table in each)
    unseen = any(not size.complete for size in sizes if size.place != APPLICATION)
    if unseen or files > _MANY_FILES or data > _MUCH_DATA:
        return Preview(skipped="large")
    try:
        with state.scratch_plan() as sink:
            result = yard.engine(DEFAULT).plan(state.new_run(), sink)
    except DvornikError as error:
        return Preview(refused=[error.message])
    refused = [f"{words.safe(each.place)}: {words.gate(each)}" for each in result.open_refusals if each.facts]
    tended = yard.health().steps.get("database")
    is_tended = tended is not None and time.time() - (tended.last_success or 0) < _TENDED
    totals = {rule: each for rule, each in result.totals.items() if not (is_tended and rule == _TENDING)}
    return Preview(totals, refused)


def _own_problems(yard: Yard) -> Iterator[Problem]:
    for warning in warnings(yard.loaded, yard.app, yard.databases):
        yield Problem(f"{warning.place}: {warning.message}", warning.hint)
    owner = shut_out(yard.loaded.base, yard.state.directory)
    if owner:
        yield Problem(*text.roots_state(owner.known_as))
    for name, path in yard.left_behind().items():
        yield Problem(*text.left_behind(name, path))
    for alert in health.check(yard.health(), time.time()):
        if alert.code == quick_health.STATE and alert.facts["why"] != quick_health.LOST:  # told with the state
            continue
        said = quick_health.describe(alert.code, alert.facts, current())
        yield Problem(said, _("dvornik history; then dvornik run"))
