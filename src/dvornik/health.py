"""What a run leaves for the health check, and the alerts that follow from it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec

from dvornik import atomic, quick_health
from dvornik.quick_health import VERSION, seen
from dvornik.result import Total  # noqa: TC001 - as above

if TYPE_CHECKING:
    from collections.abc import Iterable
    from io import RawIOBase

    from dvornik.quick_health import Record
    from dvornik.result import Result


class Source(msgspec.Struct, frozen=True):
    """A file that the configuration was read from, or would be if it existed (``size`` -1)."""

    path: str
    mtime_ns: int
    size: int


class LastRun(msgspec.Struct, frozen=True):
    """How the last cleanup ended: ``finished`` in seconds since the epoch, any ``exit_code`` but 0 is an error."""

    id: str
    finished: float
    status: str
    exit_code: int
    seconds: float = 0.0
    """How long it took, from the lock to the end."""


class Step(msgspec.Struct, frozen=True):
    """How the last cleanup by one collector ended, and its figures. Times are seconds since the epoch, sizes bytes."""

    run: str
    finished: float
    status: str
    last_success: float | None = None
    totals: Mapping[str, Total] = {}
    """By rule."""
    held: Mapping[str, int] = {}
    """By reason."""
    sizes: Mapping[str, int] = {}
    """What each place held before the cleanup."""
    reusable: Mapping[str, int] = {}
    """What of it each database does not use."""
    caches: Mapping[str, Total] = {}
    """Of the caches' step: of each cache, by its place."""


class Begun(msgspec.Struct, frozen=True):
    """A cleanup that began at ``started`` (seconds since the epoch)."""

    run: str
    started: float
    steps: Sequence[str]


class Health(msgspec.Struct, frozen=True):
    """Everything the alerts are judged by, so that the check needs neither configuration nor application."""

    since: float
    """When the configuration or the state was made; the age counts from here until a cleanup has succeeded."""
    max_age: float
    temp_limit: int
    logs_limit: int
    step_max_age: float = 0.0
    """The same for each step that ever succeeded; 0: it is not asked."""
    temp: Sequence[str] = ()
    """Absolute roots of the temporary files."""
    logs: Sequence[str] = ()
    config: str = ""
    """Absolute path of the file that the configuration came from; empty: there was none."""
    sources: Sequence[Source] = ()
    environ: Mapping[str, str] = {}
    """The environment variables that the answer depends on (``settings(os.environ)``)."""
    last_success: float | None = None
    last_run: LastRun | None = None
    steps: Mapping[str, Step] = {}
    """By collector: the success of one does not hide the failure of another."""
    freed: int = 0
    """Bytes that all runs so far gave back."""
    quarantine: int = 0
    """Bytes that wait in quarantine."""
    language: str = ""
    unread: str = ""
    """Why the record before this one could not be read; empty: it could, or there was none."""
    state: str = ""
    """The absolute state directory."""
    begun: Begun | None = None
    """The cleanup that is under way, or was killed: whether its lock is held tells."""
    version: int = VERSION


class Alert(msgspec.Struct, frozen=True):
    """A threshold crossed; ``describe(alert.code, alert.facts, language)`` says it."""

    code: str
    facts: Mapping[str, float | int | str] = {}


def check(health: Health, now: float) -> list[Alert]:
    """Return the alerts at ``now`` (seconds since the epoch), measuring the directories; changes nothing."""
    reasons, _unreadable = quick_health.judge(record(health), now)
    return [Alert(code, facts) for code, facts in reasons]


def record(health: Health) -> Record:
    """Return ``health`` in the plain form that ``quick_health`` judges and the file holds."""
    return cast("Record", msgspec.to_builtins(health))


def after(health: Health, run: LastRun, steps: Mapping[str, Step] | None = None) -> Health:
    """Return ``health`` as it is once ``run`` has finished; of ``steps``, one that failed keeps its last success."""
    success = health.last_success if run.exit_code else run.finished
    known = dict(health.steps)
    for name, step in (steps or {}).items():
        before = known[name].last_success if name in known else None
        last = step.finished if step.status == "done" else before
        known[name] = msgspec.structs.replace(step, last_success=last)
    freed = sum(total.freed for step in (steps or {}).values() for total in step.totals.values())
    freed = health.freed + max(0, freed)
    return msgspec.structs.replace(
        health, last_run=run, last_success=success, steps=known, freed=freed, unread="", begun=None
    )


def begin(health: Health, run: str, steps: Sequence[str], now: float) -> Health:
    """Return ``health`` while ``run`` is under way; the caller holds the lock, so that whatever began before is dead.

    Each step of that stays killed until it succeeds: the daily success of another must not hide it.
    """
    if dead := health.begun:
        ended = LastRun(dead.run, dead.started, quick_health.KILLED, 1)
        unread, killed = health.unread, {name: Step(dead.run, dead.started, ended.status) for name in dead.steps}
        health = msgspec.structs.replace(after(health, ended, killed), unread=unread)
    return msgspec.structs.replace(health, begun=Begun(run, now, steps))


def steps(result: Result, finished: float) -> dict[str, Step]:
    """Return what a run came to for each of its collectors."""
    return {
        name: Step(
            result.run,
            finished,
            result.status_of(name),
            totals={rule: total for rule, total in result.totals.items() if rule.partition("/")[0] == name},
            held={reason.value: count for reason, count in result.held_by(name).items()},
            sizes={survey.place: survey.size for survey in result.surveys if survey.kind == name},
            reusable={survey.place: survey.reusable for survey in result.surveys if survey.kind == name},
            caches=dict(result.caches) if name == "cache" else {},
        )
        for name in result.collectors
    }


def sources(paths: Iterable[str]) -> list[Source]:
    """Note how the configuration's files are now; read them *after* this call, never before."""
    return [msgspec.convert(seen(path), Source) for path in paths]


def since(paths: Iterable[str], now: float) -> float:
    """Return when the oldest of ``paths`` (configuration, state) was last changed; ``now`` when none exists."""
    times = [now]
    for path in paths:
        with suppress(OSError):
            times.append(Path(path).stat().st_mtime)
    return min(times)


def read(path: Path) -> Health:
    """Return the record at ``path``; raise ``OSError`` or ``ValueError`` when there is none that can be used."""
    return msgspec.convert(quick_health.read(str(path)), Health)


def left(path: Path) -> tuple[Health | None, str]:
    """Return the record at ``path``, or nothing and why it cannot be read: empty where there is none yet."""
    try:
        return read(path), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, error.strerror or type(error).__name__
    except ValueError:
        return None, quick_health.UNWRITTEN if _is_empty(path) else quick_health.DAMAGED


def _is_empty(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size == 0
    return False


def write(path: Path, health: Health) -> None:
    """Put the record at ``path``, whole or not at all, readable by its owner alone; raise ``OSError``."""
    # The standard library's JSON, since undecodable bytes of a path (surrogates) must survive.
    atomic.write(path, json.dumps(record(health), indent=1).encode())


def write_over(path: Path, health: Health) -> None:
    """Put the record into the blocks of the one before, where the disk has no other; an empty file says it had none.

    Raises ``OSError`` where not even that can be written. Cut off midway, it leaves a record that is called damaged.
    """
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0) as file:
        try:
            content = json.dumps(record(health), separators=(",", ":")).encode()  # no longer than the one before
            _write_all(file, content)
            file.truncate()
            os.fsync(file.fileno())
        except OSError:
            file.truncate(0)
            raise


def _write_all(file: RawIOBase, content: bytes) -> None:
    if (file.write(content) or 0) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
