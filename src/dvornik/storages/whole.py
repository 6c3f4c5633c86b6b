"""Takes all files of one directory away, or none: what somebody made for one job is of no use in part.

Nothing is moved before all of it was looked at and found idle; then every file is claimed, each under its lease, and
none is deleted before all are claimed and nothing new lies in the directory. A claimed file is out of everybody's
reach, so no lease need be held until the last is claimed. Whatever objects on the way, all that was claimed goes back;
so it does after a kill, by the next run.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.contracts.storage import Batch
from dvornik.model import Finding, Miss, Outcome, Reason
from dvornik.storages.claims import Claims, Rescue, Tally, miss_of, put_back
from dvornik.storages.grips import Onlookers, grip
from dvornik.storages.kernel import reason_of
from dvornik.storages.quarantine import CLAIMED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from dvornik.contracts.storage import Left
    from dvornik.storages.claims import Planned
    from dvornik.storages.directories import Directory
    from dvornik.storages.quarantine import Quarantine

OTHERS: Final = "others="
"""What the ``detail`` of a finding begins with whose files go together."""
_CHUNK: Final = 128
"""As in ``local``: files held open at once."""


class Ground(NamedTuple):
    """What a storage lends for it."""

    root: Directory
    quarantine: Quarantine
    in_place: Callable[[Directory], bool]
    rescue: Callable[[str], Rescue]
    """By the directory that the claimed file is of."""
    remember: Callable[[Directory], None]
    """Told how our removals left a directory, so that it may be pruned."""


class _Part(NamedTuple):
    """The files of one directory."""

    container: str
    files: Sequence[Planned]


def discard(
    finding: Finding,
    run: str,
    ground: Ground,
    listing: Callable[[str], Iterator[Batch | Left]],
    discard_part: Callable[[Finding], Outcome],
) -> Outcome:
    """Take the files of ``finding``: names are paths below its container, ``detail`` counts what stays (``others=2``).

    ``listing`` lists that directory anew; ``discard_part`` takes the files of one directory one by one: on a full disk,
    which leaves no room for claiming, that is what follows the look at all of them.
    """
    parts = _parts(finding)
    tally = Tally()
    taking = _Taking(parts, run, ground, tally)
    objection = _changed(finding, parts, listing) or taking.objection()
    if objection is None:
        try:
            objection = taking.claim() or _changed(finding, (), listing)
        except OSError as error:
            objection = taking.miss_of(error)
            if objection.reason is Reason.NO_SPACE and not taking.claimed:
                return _one_by_one(finding, parts, discard_part)
        except BaseException:  # interrupted: nothing of it was deleted yet
            taking.give_back()
            raise
    if objection is None:
        taking.delete()
    else:
        taking.give_back()
        tally.done = tally.size = 0
        tally.missed = [
            objection if name == objection.name else Miss(name, _group(objection.reason)) for name in finding.names
        ]
    return tally.outcome(finding, keep=False)


def _group(reason: Reason) -> Reason:
    """Return why the others stay: what must be mended is told of each."""
    return reason if reason.is_failure or reason is Reason.MOVED else Reason.GROUP


def _parts(finding: Finding) -> list[_Part]:
    """Sort the files by their directories, the deepest last."""
    parts: dict[str, list[Planned]] = {}
    for path, version, size in zip(finding.names, finding.versions, finding.sizes, strict=True):
        directory, _slash, name = path.rpartition("/")
        parts.setdefault(_path(finding.container, directory), []).append((name, version, size))
    return [_Part(container, files) for container, files in parts.items()]


def _path(container: str, below: str) -> str:
    return "/".join(filter(None, (container, below)))


def _changed(finding: Finding, parts: Sequence[_Part], listing: Callable[[str], Iterator[Batch | Left]]) -> Miss | None:
    """Say what is not as it was seen: a file of the ``parts``, or how many others there are."""
    expected: Mapping[str, dict[str, str]] = {
        part.container: {name: seen for name, seen, _size in part.files} for part in parts
    }
    others = 0
    try:
        for step in listing(finding.container):
            if not isinstance(step, Batch):
                continue
            others += len(step.others)
            known = expected.get(step.container, {})
            for name, version in zip(step.names, step.versions, strict=True):
                seen = known.pop(name, None)
                others += seen is None
                if seen not in {None, version}:
                    return Miss(_within(finding, step.container, name), Reason.CHANGED)
    except OSError as error:
        return miss_of("", error)
    missing = next(((where, name) for where, names in expected.items() for name in names), None)
    if missing:
        return Miss(_within(finding, *missing), Reason.GONE)
    return None if f"{OTHERS}{others}" == finding.detail else Miss("", Reason.GROUP)


def _within(finding: Finding, container: str, name: str) -> str:
    """Return the path of a file below the finding's directory."""
    return _path(container[len(finding.container) :].lstrip("/"), name)


def _one_by_one(finding: Finding, parts: Sequence[_Part], discard_part: Callable[[Finding], Outcome]) -> Outcome:
    tally = Tally()
    for part in parts:
        names, versions, sizes = zip(*part.files, strict=True)
        done = discard_part(Finding(finding.rule, finding.place, part.container, names, sizes, (), versions))
        tally.done += done.done
        tally.size += done.freed
        tally.missed += [Miss(_within(finding, part.container, m.name), m.reason, m.detail) for m in done.missed]
        if done.missed:
            break
    return tally.outcome(finding, keep=False)


class _Taking:
    """One directory on its way."""

    def __init__(self, parts: Sequence[_Part], run: str, ground: Ground, tally: Tally) -> None:
        self._parts = parts
        self._run = run
        self._ground = ground
        self._tally = tally
        self._onlookers = Onlookers()
        self._top = parts[0].container if parts else ""
        self.claimed: list[_Part] = []

    def miss_of(self, error: OSError) -> Miss:
        """Return why nothing of it can be taken."""
        return miss_of("", error)

    def objection(self) -> Miss | None:
        """Ask of each file, where it lies, whether somebody has it or it changed."""
        for part in self._parts:
            try:
                with self._ground.root.child(part.container) as directory:
                    for name, seen, _size in part.files:
                        reason = self._objection_to(directory, name, seen)
                        if reason:
                            return Miss(name, reason)
            except OSError as error:
                return miss_of("", error)
        return None

    def _objection_to(self, directory: Directory, name: str, seen: str) -> Reason | None:
        try:
            held = grip(directory, name, seen)
        except OSError as error:
            return reason_of(error)
        if held is None:
            return Reason.CHANGED
        try:
            return held.objection(self._onlookers)
        finally:
            held.release()

    def claim(self) -> Miss | None:
        """Claim every file; stop at the first that objects."""
        for part in self._parts:
            with self._ground.root.child(part.container) as source:
                private = self._ground.quarantine.claims(CLAIMED, self._run, part.container)
                self.claimed.append(part)
                claims = Claims(source, private, self._tally, self._ground.rescue(part.container))
                if not self._ground.in_place(source):
                    return Miss("", Reason.MOVED)
                self._claim(claims, part.files, lambda source=source: self._ground.in_place(source))  # type: ignore[misc]
                with suppress(OSError):
                    self._ground.remember(source)
            if self._tally.missed:
                return self._tally.missed[0]
        return None

    def _claim(self, claims: Claims, files: Sequence[Planned], in_place: Callable[[], bool]) -> None:
        left = claims.take_plain(files, in_place, keep=True)
        while left and not self._tally.missed:
            claims.take(left[:_CHUNK], in_place, keep=True)
            left = left[_CHUNK:]

    def give_back(self) -> None:
        """Put back what is claimed."""
        for part in self.claimed:
            with suppress(OSError):
                private = self._ground.quarantine.claims(CLAIMED, self._run, part.container)
                with self._ground.root.child(part.container) as source:
                    for name, _seen, _size in part.files:
                        self._put_back(name, private, source, self._ground.rescue(part.container))

    def _put_back(self, name: str, private: Directory, source: Directory, rescue: Rescue) -> None:
        try:
            put_back(name, private, source, name)
        except FileNotFoundError as error:
            with suppress(OSError):  # it was never claimed, or its directory is gone
                rescue(name, private, name, error)
        except OSError as error:
            rescue(name, private, name, error)

    def delete(self) -> None:
        """Delete what is claimed."""
        for part in self.claimed:
            private = self._ground.quarantine.claims(CLAIMED, self._run, part.container)
            for name, _seen, _size in part.files:
                try:
                    private.unlink(name)
                except OSError as error:
                    self._tally.done -= 1
                    self._tally.missed.append(miss_of(name, error))
