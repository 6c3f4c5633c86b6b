"""Claim, then verify, then act: how files leave a directory so that no needed one is lost.

A file is held (``grips``), renamed to where nobody else reaches it, and only then judged: what still is the file that
the scan saw, in a directory that still is below the root, and that nobody has open, is deleted or stays set aside. All
else goes back, never overwriting. Stopping anywhere leaves a claimed file where the next run finds it.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from dvornik.model import Miss, Outcome, Reason
from dvornik.storages import directories, links
from dvornik.storages.grips import Grip, Onlookers, grip
from dvornik.storages.kernel import code_of, reason_of
from dvornik.storages.walk import OWN, size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dvornik.model import Finding
    from dvornik.storages.directories import Directory

_NAME_MAX: Final = 255
_HIDDEN: Final = re.compile(re.escape(OWN) + r"[0-9a-f]{16}~(.+)", re.DOTALL)


def hidden_name(name: str) -> str:
    """Return a name that nobody can guess, for a file claimed where it lies; it tells the file's own."""
    return f"{OWN}{secrets.token_hex(8)}~{name}"


def shown_name(hidden: str) -> str:
    """Return the own name of a file that was claimed where it lies; empty for any other file."""
    match = _HIDDEN.fullmatch(hidden)
    return match[1] if match else ""


Planned = tuple[str, str, int]
"""One file that is to go, as the scan saw it: name, version, and bytes (0 if it is empty or has several names)."""


class Tally:
    """What became of one batch so far."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.done = 0
        self.size = 0
        self.missed: list[Miss] = []

    def outcome(self, finding: Finding, *, keep: bool) -> Outcome:
        """Return it as what became of ``finding``."""
        freed, aside = (0, self.size) if keep else (self.size, 0)
        return Outcome(
            finding.rule, finding.place, finding.container, self.done, freed, set_aside=aside, missed=self.missed
        )


class Rescue(Protocol):
    """Cares for a claimed file that cannot go back as it came."""

    def __call__(self, hidden: str, private: Directory, name: str, error: OSError) -> bool:
        """Tell whether it is back under its ``name`` all the same; else it is as safe as can be."""


class _Claim(NamedTuple):
    """One file that was taken out of sight."""

    name: str
    seen: str
    hidden: str
    """Its name where it waits."""
    grip: Grip


class Claims:
    """Takes files out of ``source`` by way of ``private``.

    ``private`` is a directory of ours alone, or ``source`` itself where the disk has no room for one: the files then
    wait under names that nobody can guess.
    """

    def __init__(self, source: Directory, private: Directory, tally: Tally, rescue: Rescue) -> None:
        """Take the directories; ``rescue`` cares for what cannot go back as it came."""
        self._source = source
        self._private = private
        self._tally = tally
        self._rescue = rescue
        self._onlookers = Onlookers()

    def take(self, planned: Sequence[Planned], in_place: Callable[[], bool], *, keep: bool) -> None:
        """Claim the files, verify each, and delete those that pass unless they are kept.

        ``in_place`` tells whether the directory still is where it belongs: asked once all are claimed, since what was
        claimed while it was elsewhere must go back.
        """
        linked = [each for each in planned if self._is_linked(each)]
        if linked:
            apart = {name for name, _seen, _size in linked}
            planned = [each for each in planned if each[0] not in apart]
        self._take(planned, in_place, keep=keep)
        for each in linked:
            with links.alone:
                self._take([each], in_place, keep=keep)

    def _is_linked(self, planned: Planned) -> bool:
        name, seen, size = planned
        try:
            return not size and links.is_linked(self._source.state(name), seen)
        except OSError:  # which its claim will tell
            return False

    def _take(self, planned: Sequence[Planned], in_place: Callable[[], bool], *, keep: bool) -> None:
        claimed: list[_Claim] = []
        try:
            for name, seen, _size in planned:
                claim = self._claim(name, seen)
                if claim:
                    claimed.append(claim)
            objection = None if in_place() else Reason.MOVED
            self._onlookers.forget()
            while claimed:
                self._settle(claimed[-1], objection, keep=keep)
                claim = claimed.pop()
                links.remember(claim.grip, claim.seen)
                claim.grip.release()
        finally:
            for claim in claimed:  # only when something stopped us
                self._return(claim, Reason.BUSY)
                claim.grip.release()

    def take_plain(self, planned: Sequence[Planned], in_place: Callable[[], bool], *, keep: bool) -> Sequence[Planned]:
        """Take, in C where that was built, whatever plainly is as it was seen; return what ``take`` is to judge."""
        source, private = self._source, self._private
        if not isinstance(source, directories.Descriptor) or not isinstance(private, directories.Descriptor):
            return planned
        if directories.inner is None or source is private:
            return planned
        names, versions, sizes = map(list, zip(*planned, strict=True)) if planned else ([], [], [])
        unsure: list[int] = []
        claimed: list[tuple[int, int]] = []
        objection: Reason | None = Reason.BUSY  # what stops us with an exception
        try:
            done, size, judged = directories.inner.take(
                source.fileno(), private.fileno(), names, versions, sizes, in_place, keep, unsure, claimed
            )
            objection = None if judged == len(names) else Reason.MOVED
        finally:
            for index, descriptor in claimed:
                held = Grip(descriptor, os.fstat(descriptor), is_leased=True)
                changed = None if held.is_still(versions[index]) else Reason.CHANGED
                self._settle(_Claim(names[index], versions[index], names[index], held), objection or changed, keep=keep)
                held.release()
        self._tally.done += done
        self._tally.size += size
        if objection is None:
            return [planned[index] for index in unsure]
        left = {*unsure, *range(judged, len(names))} - {index for index, _descriptor in claimed}
        self._tally.missed += [Miss(names[index], objection) for index in sorted(left)]
        return []

    def _claim(self, name: str, seen: str) -> _Claim | None:
        hidden = hidden_name(name) if self._private is self._source else name
        held: Grip | None = None
        try:
            objection = _objection_to_name(name, hidden)
            if objection is None:
                held = grip(self._source, name, seen)
                # Asked before it is moved: what others use is left where it is.
                objection = held.objection(self._onlookers) if held else Reason.CHANGED
            if held and objection is None:
                self._source.claim(name, self._private, hidden)
                claim, held = _Claim(name, seen, hidden, held), None
                return claim
            self._tally.missed.append(Miss(name, objection or Reason.CHANGED))
        except OSError as error:
            self._tally.missed.append(miss_of(name, error))
        finally:
            if held:
                held.release()
        return None

    def _settle(self, claim: _Claim, objection: Reason | None, *, keep: bool) -> None:
        state: os.stat_result | None = None
        try:
            state = self._private.state(claim.hidden)
            objection = objection or self._objection(claim, state)
            if objection is None and not keep:
                self._private.unlink(claim.hidden)
        except OSError as error:
            objection = reason_of(error)
            self._return(claim, objection, code_of(error))
            return
        if objection:
            self._return(claim, objection)
            return
        self._tally.done += 1
        self._tally.size += size(state)

    def _objection(self, claim: _Claim, state: os.stat_result) -> Reason | None:
        """Say why a claimed file must go back, if it must."""
        if not claim.grip.is_on(state):
            return Reason.CHANGED
        if claim.grip.is_leased:
            return None if claim.grip.is_unopened() else Reason.OPEN
        return self._onlookers.objection(state)

    def _return(self, claim: _Claim, reason: Reason, detail: str = "") -> None:
        """Put a claimed file back and say why it stays."""
        try:
            put_back(claim.hidden, self._private, self._source, claim.name)
        except OSError as error:
            if not self._rescue(claim.hidden, self._private, claim.name, error):
                self._tally.missed.append(miss_of(claim.name, error))
                return
        self._tally.missed.append(Miss(claim.name, reason, detail))


def _objection_to_name(name: str, hidden: str) -> Reason | None:
    """Refuse a way elsewhere (a plan comes from a file), and a hidden name that would be too long."""
    if "/" in name:
        return Reason.CHANGED
    return Reason.NO_SPACE if hidden != name and len(os.fsencode(hidden)) > _NAME_MAX else None


def put_back(hidden: str, private: Directory, target: Directory, name: str) -> None:
    """Rename a claimed file back; ``FileExistsError`` where another has its name meanwhile.

    The same file under both names is what a crash between linking and unlinking leaves: the private name goes.
    """
    try:
        private.give_back(hidden, target, name)
    except FileExistsError:
        if not os.path.samestat(private.state(hidden), target.state(name)):
            raise
        private.unlink(hidden)


def miss_of(name: str, error: OSError) -> Miss:
    """Return the miss that an error makes."""
    return Miss(name, reason_of(error), code_of(error))
