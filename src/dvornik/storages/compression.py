"""Owns the compression of logs that are closed: a packed file takes the place of each, and no line is ever without one.

The packed copy is complete, on the disk and compared before it gets its name; only then the log goes, by claim and
verification like any other file, and only if nobody opened or changed it since the scan. A run that is killed in
between leaves both; the next one sees that they hold the same and finishes.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dvornik.model import Finding, Miss, Outcome, Reason
from dvornik.storages import copies
from dvornik.storages.claims import Tally, miss_of
from dvornik.storages.copies import MADE, NotOursError
from dvornik.storages.grips import Onlookers, grip
from dvornik.storages.packing import Packing
from dvornik.storages.walk import size, version

if TYPE_CHECKING:
    from dvornik.storages.copies import Content, Ground
    from dvornik.storages.directories import Directory

_NAME_MAX = 255
_STAMP = "%Y%m%dT%H%M%SZ"
_MOST_TRIES = 1000
"""Seconds after the last line in which a free name is looked for."""
_LONGEST_ADDITION = len("-20260101T000000Z.zst")


def compress(finding: Finding, run: str, packing: Packing, ground: Ground) -> Outcome:
    """Pack each file of the finding that is still as it was seen and in nobody's hands."""
    work = _Compression(finding, run, packing, ground)
    for row, name in enumerate(finding.names):
        try:
            objection = work.one(row)
            if objection:
                work.tally.missed.append(Miss(name, objection))
        except NotOursError:
            work.tally.missed.append(Miss(name, Reason.NOT_OWN))
        except OSError as error:
            work.tally.missed.append(miss_of(name, error))
    ground.quarantine.shrink(MADE, run, finding.container)
    return work.tally.outcome(finding, keep=False)


class _Packed(NamedTuple):
    """A copy that has its name."""

    name: str
    state: os.stat_result
    is_new: bool
    """Whether it was not there before."""
    freed: int
    """Bytes that the disk gets back once the log is gone."""


class _Compression:
    """The work on one directory."""

    def __init__(self, finding: Finding, run: str, packing: Packing, ground: Ground) -> None:
        self.tally = Tally()
        self._finding = finding
        self._run = run
        self._packing = packing
        self._ground = ground
        self._onlookers = Onlookers()

    def one(self, row: int) -> Reason | None:
        """Pack one file; say why it stays as it is."""
        name, seen = self._finding.names[row], self._finding.versions[row]
        if "/" in name:
            return Reason.CHANGED
        if len(os.fsencode(name)) + _LONGEST_ADDITION > _NAME_MAX:
            return Reason.UNSUPPORTED
        with self._ground.root.child(self._finding.container) as source:
            objection = self._objection_to_use(source, name, seen)
            if objection:
                return objection
            descriptor = source.open_file(name)
            try:
                packed = self._pack(source, name, seen, descriptor)
            finally:
                os.close(descriptor)  # before the log is claimed: that asks whether anybody has it open
            return packed if isinstance(packed, Reason) else self._replace(source, name, seen, packed)

    def _objection_to_use(self, source: Directory, name: str, seen: str) -> Reason | None:
        """Look beforehand, so that what others use is not packed in vain; what counts is the look after the claim."""
        held = grip(source, name, seen)
        if held is None:
            return Reason.CHANGED
        try:
            self._onlookers.forget()
            return held.objection(self._onlookers)
        finally:
            held.release()

    def _pack(self, source: Directory, name: str, seen: str, descriptor: int) -> _Packed | Reason:
        state = os.fstat(descriptor)
        if version(state) != seen or state.st_nlink != 1:
            return Reason.CHANGED
        objection = copies.objection_to_room(descriptor, state.st_size)
        if objection:
            return objection
        private = self._ground.quarantine.claims(MADE, self._run, source.container)
        content, taken = copies.pack(descriptor, state.st_size, private, name, self._packing)
        objection = Reason.CHANGED if content.size != state.st_size else None
        if taken >= size(state):
            objection = Reason.NOT_WORTH_IT
        elif not self._ground.is_in_place(source):
            objection = Reason.MOVED
        if objection:
            private.unlink(name)
            return objection
        own = private.state(name)
        packed, before = self._publish(private, source, name, content, state)
        return _Packed(packed, before or own, before is None, size(state) - taken)

    def _publish(
        self, private: Directory, source: Directory, name: str, content: Content, state: os.stat_result
    ) -> tuple[str, os.stat_result | None]:
        """Give the copy its name beside the log and return that; never replaces anything.

        Where the name is taken by another generation (numbers come round again), the time of the last line tells them
        apart; where it is taken by the same content, a killed run came this far, and that file's state is returned.
        """
        names = (f"{name}{self._packing.suffix}", self._stamped(name, state.st_mtime))
        for packed in names:
            try:
                private.give_back(name, source, packed)
            except FileExistsError:
                before = source.state(packed)
                if copies.holds(source, packed, self._packing, content):
                    private.unlink(name)
                    return packed, before
            else:
                copies.settle(source)
                return packed, None
        private.unlink(name)
        raise FileExistsError(names[0])

    def _stamped(self, name: str, moment: float) -> str:
        return f"{name}-{time.strftime(_STAMP, time.gmtime(moment))}{self._packing.suffix}"

    def _replace(self, source: Directory, name: str, seen: str, packed: _Packed) -> Reason | None:
        """Take the log away, now that its copy is there; or the copy where the log has to stay.

        Rotation may give both other names at any moment, and the copy's to another generation. So the copy is held:
        only that very file is taken away again, and it is written anew if it was replaced when its log had gone.
        """
        try:
            copy = source.open_file(packed.name)
        except FileNotFoundError:
            return Reason.CHANGED
        try:
            held = os.fstat(copy)
            if not os.path.samestat(held, packed.state):
                return Reason.CHANGED
            outcome = self._discard(name, seen)
            if outcome.done and not os.fstat(copy).st_nlink:
                self._keep(copy, source, name)
        finally:
            os.close(copy)
        if outcome.done:
            self.tally.done += 1
            self.tally.size += max(0, packed.freed)
        elif packed.is_new:
            self._discard(packed.name, version(held))
        self.tally.missed += outcome.missed
        return None

    def _keep(self, copy: int, source: Directory, name: str) -> None:
        """Write a packed copy anew that somebody replaced: nothing else has those lines."""
        state = os.fstat(copy)
        private = self._ground.quarantine.claims(MADE, self._run, source.container)
        copies.pack(copy, state.st_size, private, name, Packing())
        for second in range(_MOST_TRIES):
            with suppress(FileExistsError):
                private.give_back(name, source, self._stamped(name, state.st_mtime + second))
                copies.settle(source)
                return
        raise FileExistsError(name)

    def _discard(self, name: str, seen: str) -> Outcome:
        found = self._finding
        return self._ground.discard(
            Finding(found.rule, found.place, found.container, [name], [0], [0], [seen]), self._run, keep=False
        )
