"""Owns what outlives the process: the lock, the record of runs and batches, the plan files, the last good surveys.

The record is for truth and history; safety never depends on it being written. On a full or read-only disk it is left
off, and the cleaning that would free the disk goes on.
"""

from __future__ import annotations

import calendar
import contextlib
import os
import secrets
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotations
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from dvornik import atomic, record, served, state_check, state_directory
from dvornik.errors import DvornikError, LockedError, UnreachableError
from dvornik.languages import _, of_system
from dvornik.model import Outcome, Survey

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEEP_PLANS: Final = 90 * 86400
_KEEP_TRENDS: Final = 400 * 86400
"""What is small is kept longer: a year and a month, so that this month can be held against the same of last year."""
_ROOM: Final = 1 << 26
"""Bytes that a plan may take: with less left on the disk it is not kept, or writing it would stop the run."""
_READ_AT_ONCE: Final = 1 << 18
"""Bytes of a plan: its lines are as long as directories are large."""
RUNNING: Final = "running"
KEEP: Final = "keep"
DEBRIS: Final = "debris"
"""What an operator may say of a family of files."""
INTERRUPTED: Final = "interrupted"
_END: Final = "UPDATE runs SET finished = ?, status = ?, digest = ?, summary = ? WHERE id = ?"
_RESERVE: Final = "reserve"
_RESERVED: Final = 1 << 18
"""Bytes that are kept so that the record of a run on a full disk can take their place."""
_ASKED: Final = 25
_PAUSE: Final = 0.001
"""How often the lock is asked for, and seconds between: who only looks whether it is held holds it for a moment."""


class Run(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the history. Times are seconds since the epoch."""

    id: str
    verb: str
    started: float
    finished: float | None
    status: str
    collectors: Sequence[str]
    digest: str
    summary: dict[str, int]


class Decision(msgspec.Struct, frozen=True):
    """What an operator said of a family of files: ``keep`` or ``debris``; when (seconds since the epoch), and who."""

    place: str
    shape: str
    word: str
    taken: float
    user: str


class _Figures(msgspec.Struct):
    """Of a recorded outcome: the bytes that wait."""

    set_aside: int = 0


class Weight(msgspec.Struct, frozen=True):
    """What one directory at the top of a place took, in bytes, at ``taken`` (seconds since the epoch).

    ``directory`` is ``""`` for the files in the root itself, ``None`` for the place as a whole.
    """

    taken: float
    place: str
    directory: str | None
    size: int


def new_run(now: float | None = None) -> str:
    """Return a run's id: its start in UTC, then a random part."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now))}-{secrets.token_hex(2)}"


def started(run: str) -> float:
    """Return when a run with this id started; the epoch for an id that is not ours."""
    try:
        return calendar.timegm(time.strptime(run.partition("-")[0], "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return 0.0


class State:
    """The state directory. Nothing is made or written before ``begin``."""

    def __init__(self, directory: str) -> None:
        """Use ``directory``; it need not exist yet."""
        self.directory = Path(directory)
        self.degraded = ""
        """Why nothing is recorded any more; empty while the disk takes it."""
        self.made_private = False
        """Whether ``lock`` took from the directory what other users could do there."""
        self.is_new = False
        """Whether ``lock`` made the directory."""
        self._lock = -1
        self._db: sqlite3.Connection | None = None
        self._begun: tuple[str, str, float, str] | None = None
        """The run that is under way: its row, for a record that could not take it when it began."""

    # the lock

    def lock(self) -> None:
        """Take the lock, which dies with the process; raise ``LockedError`` when another run has it."""
        if sys.platform == "win32":
            return
        while self._lock < 0:
            directory = self._make()
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _flock(descriptor)
            except BlockingIOError as error:
                os.close(descriptor)
                raise LockedError(
                    _("Another run holds the lock."), context=str(self.directory), hint=_("Wait for it to finish.")
                ) from error
            except OSError as error:
                os.close(descriptor)
                raise DvornikError(
                    _("The state cannot be locked: {error}").format(error=of_system(error)),
                    context=str(self.directory),
                    hint=_("Put it on a file system that has locks: [app] state."),
                ) from error
            if _is_at(directory, descriptor):
                self._lock = descriptor
                with contextlib.suppress(sqlite3.Error, OSError):  # whoever needs the record will say so
                    record.must_be_known(self.directory / "state.db")
                if not self.degraded and served.root_of(os.path.realpath(self.directory.parent)):
                    served.deny(descriptor)
            else:  # it was removed while we waited for it: whoever comes now makes another
                os.close(descriptor)

    def _make(self) -> Path:
        """Make the directory; where the disk refuses, its nearest parent serves for the lock."""
        self.is_new = not self.directory.is_dir()
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise state_directory.error(self.directory, state_directory.FILE) from error
        except OSError as error:
            self.degraded = record.why(error)
            return next(parent for parent in self.directory.parents if parent.is_dir())
        if self.will_be_private():
            state_directory.make_private(self.directory)
            self.made_private = True
        return self.directory

    def will_be_private(self) -> bool:
        """Tell whether a run would first close the directory to others; raise where none could use it. Reads only."""
        code = state_directory.objection(self.directory)
        if code in {"", state_directory.OPEN}:
            return bool(code)
        raise state_directory.error(self.directory, code)

    # the record

    def _write(self, sql: str, *values: object) -> int:
        """Write one row at once; a disk that cannot take it ends the record, never the run."""
        if self.degraded:
            return 0
        try:
            if self._db is None:
                record.must_be_known(self.directory / "state.db")
                self._db = record.opened(self.directory / "state.db")
            return self._db.execute(sql, values).lastrowid or 0
        except (sqlite3.DatabaseError, OSError) as error:
            self.degraded = record.why(error)
            return 0

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Let what the block records reach the disk at once: a quarter of the time of one row after the other."""
        self._write("BEGIN")
        try:
            yield
        finally:
            self._write("COMMIT")

    def begin(self, run: str, verb: str, collectors: Sequence[str]) -> None:
        """Record that a run starts; a second time, for the same run, changes nothing."""
        if self._begun is None or self._begun[0] != run:
            self._begun = run, verb, time.time(), ",".join(collectors)
            self._start()

    def _start(self) -> None:
        if self._begun:
            self._write(
                "INSERT OR REPLACE INTO runs (id, verb, started, collectors, status) VALUES (?, ?, ?, ?, ?)",
                *self._begun, RUNNING,
            )  # fmt: skip

    def intend(self, run: str, rule: str, place: str, container: str, planned: int) -> int:
        """Record what is about to be done; return the batch's number for its outcome."""
        return self._write(
            "INSERT INTO batches (run, rule, place, container, planned) VALUES (?, ?, ?, ?, ?)",
            run, rule, place, os.fsencode(container), planned,
        )  # fmt: skip

    def conclude(self, batch: int, outcome: Outcome) -> None:
        """Record what became of a batch; exceptions are named, what went as planned is only counted."""
        missed = [[os.fsencode(m.name).decode("utf-8", "backslashreplace"), m.reason, m.detail] for m in outcome.missed]
        figures = {"freed": outcome.freed, "set_aside": outcome.set_aside, "missed": missed}
        self._write(
            "UPDATE batches SET done = ?, outcome = ? WHERE id = ?",
            outcome.done, msgspec.json.encode(figures).decode(), batch,
        )  # fmt: skip

    def finish(self, run: str, status: str, digest: str, summary: dict[str, int]) -> None:
        """Record how a run ended; where the disk had no room for its beginning, or has none now, by the reserve's."""
        is_ours = self._begun is not None and self._begun[0] == run
        if self.degraded and is_ours:
            self._try_again()
        ended = (time.time(), status, digest, msgspec.json.encode(summary).decode(), run)
        was_taken = not self.degraded
        self._write(_END, *ended)
        if self.degraded and was_taken and is_ours:  # full by now
            self._try_again()
            self._write(_END, *ended)
        if is_ours:
            self._begun = None

    def give_up(self, status: str) -> None:
        """Record how the run under way ended that came to nothing; nothing where it ended before."""
        if self._begun:
            self.finish(self._begun[0], status, "", {})

    def _try_again(self) -> None:
        """Record what is under way after all: the cleaning has made room meanwhile, and the reserve makes some."""
        self.release()
        with contextlib.suppress(sqlite3.Error):
            if self._db is not None:
                self._db.close()
        self._db, self.degraded = None, ""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self.degraded = record.why(error)
        self._start()

    # the reserve

    def reserve(self) -> None:
        """Keep a little of the disk, where there is plenty, for the record of a run that finds it full."""
        path = self.directory / _RESERVE
        with contextlib.suppress(OSError):
            if not self.degraded and not path.exists() and shutil.disk_usage(self.directory).free > 16 * _RESERVED:
                atomic.write(path, os.urandom(_RESERVED))  # nothing that a file system would leave out or pack

    def release(self) -> None:
        """Give the reserve back to the disk."""
        with contextlib.suppress(OSError):
            (self.directory / _RESERVE).unlink()

    def remember(self, run: str, survey: Survey) -> None:
        """Keep a good run's survey: the next one is judged against it."""
        self._write(
            "INSERT OR REPLACE INTO surveys (place, run, survey) VALUES (?, ?, ?)",
            survey.place, run, msgspec.json.encode(survey).decode(),
        )  # fmt: skip

    def keep_report(self, run: str, report: str) -> None:
        """Keep what a run's report says, as JSON, for whoever asks later."""
        self._write("INSERT OR REPLACE INTO reports (run, report) VALUES (?, ?)", run, report)

    def report(self, run: str) -> str:
        """Return what ``keep_report`` kept; empty where there is nothing of that run. Reads only."""
        rows = self._read("SELECT report FROM reports WHERE run = ?", run)
        return str(rows[0][0]) if rows else ""

    def keep_weights(self, weights: Iterable[Weight]) -> None:
        """Remember how large places and directories were."""
        for each in weights:
            name = None if each.directory is None else os.fsencode(each.directory)
            self._write(
                "INSERT INTO weights VALUES (?, ?, ?, ?)",
                each.taken,
                os.fsencode(each.place).decode("utf-8", "backslashreplace"),
                name,
                each.size,
            )

    def weights(self, since: float) -> list[Weight]:
        """Return what was remembered at ``since`` (seconds since the epoch) and later, oldest first. Reads only."""
        rows = self._read("SELECT taken, place, directory, size FROM weights WHERE taken >= ? ORDER BY taken", since)
        return [
            Weight(taken, place, None if name is None else os.fsdecode(name), size)  # type: ignore[arg-type]
            for taken, place, name, size in rows
        ]

    def keep_speed(self, rule: str, place: str, size: int, seconds: float) -> None:
        """Remember how long something took that reads or writes ``size`` bytes."""
        self._write("INSERT INTO speeds VALUES (?, ?, ?, ?, ?)", rule, place, time.time(), size, seconds)

    def speed(self, rule: str, place: str) -> float | None:
        """Return bytes a second of the last five runs; ``None``: there was none. Reads only."""
        query = "SELECT size, seconds FROM speeds WHERE rule = ? AND place = ? ORDER BY taken DESC LIMIT 5"
        rows = self._read(query, rule, place)
        seconds = sum(float(str(row[1])) for row in rows)
        return sum(int(str(row[0])) for row in rows) / seconds if seconds else None

    def decide(self, place: str, shape: str, word: str, user: str) -> None:
        """Record what an operator says of a family of files; no word takes it back."""
        self._write("DELETE FROM decisions WHERE place = ? AND shape = ?", place, _text(shape))
        if word:
            values = place, _text(shape), word, time.time(), user
            self._write("INSERT INTO decisions VALUES (?, ?, ?, ?, ?)", *values)

    def decisions(self) -> list[Decision]:
        """Return what operators said, in the order of places and shapes. Reads only."""
        rows = self._read("SELECT place, shape, word, taken, user FROM decisions ORDER BY place, shape")
        return [Decision(row[0], _name(str(row[1])), *row[2:]) for row in rows]  # type: ignore[arg-type]

    def last_survey(self, place: str) -> Survey | None:
        """Return the survey of the last good run. Reads only.

        Raises ``UnreachableError`` where there is a record that cannot be read: nothing is trusted without memory.
        """
        for (text,) in self._read("SELECT survey FROM surveys WHERE place = ?", place):
            return msgspec.json.decode(str(text), type=Survey)
        return None

    def surveyed(self) -> list[str]:
        """Return every place that a good run left a survey of, as ``collector/place``. Reads only."""
        return [str(place) for (place,) in self._read("SELECT place FROM surveys ORDER BY place")]

    def runs(self, limit: int = 20) -> list[Run]:
        """Return the latest runs, newest first; one whose process was killed is interrupted. Reads only."""
        rows = self._read(
            "SELECT id, verb, started, finished, status, collectors, digest, summary FROM runs "
            "ORDER BY started DESC, rowid DESC LIMIT ?",
            limit,
        )
        found = [
            msgspec.convert((*row[:5], str(row[5]).split(","), row[6], msgspec.json.decode(str(row[7]))), Run)
            for row in rows
        ]
        if any(run.status == RUNNING for run in found) and self._lock < 0:
            is_dead = not state_check.is_locked(str(self.directory))
            return [_ended(run) if is_dead else run for run in found]
        return found

    def batches(self, run: str) -> Iterator[tuple[str, str, str, int, int | None, str]]:
        """Yield rule, place, container, planned, done and the outcome's JSON of each batch. Reads only."""
        for rule, place, container, planned, done, outcome in self._read(
            "SELECT rule, place, container, planned, done, outcome FROM batches WHERE run = ? ORDER BY id", run
        ):
            yield rule, place, os.fsdecode(container), planned, done, outcome or "{}"  # type: ignore[misc, arg-type]

    def is_cleaned(self, rules: Sequence[str], place: str, table: str) -> bool:
        """Tell whether a run has deleted rows of that table before. Reads only."""
        query = "SELECT 1 FROM batches WHERE rule = ? AND place = ? AND container = ? AND done > 0 LIMIT 1"
        return any(self._read(query, rule, place, os.fsencode(table)) for rule in rules)

    def kept_in(self, run: str) -> set[tuple[str, str]]:
        """Return the collectors and places in which a run set something aside. Reads only."""
        return {
            (rule.partition("/")[0], place)
            for rule, place, _container, _planned, _done, outcome in self.batches(run)
            if msgspec.json.decode(outcome, type=_Figures).set_aside > 0
        }

    def interrupted(self) -> list[str]:
        """Return runs that began and never ended. Ask only under the lock: nobody else can be running then."""
        current = self._begun[0] if self._begun else ""
        return [str(row[0]) for row in self._read("SELECT id FROM runs WHERE status = ? AND id != ?", RUNNING, current)]

    def _read(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        path = self.directory / "state.db"
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UnreachableError(
                _("The record of earlier runs cannot be read: {error}").format(error=of_system(error)),
                context=str(path),
                hint=_("Run dvornik as the user whose state it is."),
            ) from error
        try:
            record.must_be_known(path)
            return record.rows(path, sql, values)
        except sqlite3.DatabaseError as error:
            raise UnreachableError(
                _("The record of earlier runs cannot be read: {error}").format(error=record.why(error)),
                context=str(path),
                hint=_("If it is damaged, move it away; the next run is then judged like a first one."),
            ) from error

    # the plan files

    def plan_path(self, run: str) -> Path:
        """Return where the plan of ``run`` lies."""
        return self.directory / "plans" / f"{run}.jsonl"

    def new_plan(self, run: str) -> IO[bytes]:
        """Open the file of a new plan; where the disk refuses or is all but full, an unnamed one elsewhere."""
        path = self.plan_path(run)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            has_room = shutil.disk_usage(path.parent).free > _ROOM
            return path.open("x+b", buffering=_READ_AT_ONCE) if has_room else scratch_plan()
        except OSError:
            return scratch_plan()

    def forget_plan(self, run: str) -> None:
        """Remove a plan file that could not be written to its end."""
        with contextlib.suppress(OSError):
            self.plan_path(run).unlink()

    def forget_old_plans(self, now: float) -> None:
        """Remove plan files, the batches of their runs, reports and sizes that nobody can want any more."""
        # Which tables were cleaned before is wanted for longer, and is a row a run.
        old = "DELETE FROM batches WHERE run IN (SELECT id FROM runs WHERE started < ?)"
        self._write(f"{old} AND rule NOT LIKE 'sessions/%'", now - _KEEP_PLANS)
        self._write(old, now - _KEEP_TRENDS)
        self._write("DELETE FROM reports WHERE run IN (SELECT id FROM runs WHERE started < ?)", now - _KEEP_TRENDS)
        self._write("DELETE FROM weights WHERE taken < ?", now - _KEEP_TRENDS)
        self._write("DELETE FROM speeds WHERE taken < ?", now - _KEEP_TRENDS)
        self._write("DELETE FROM weights WHERE taken < ? AND directory IS NOT NULL", now - _KEEP_PLANS)
        with contextlib.suppress(OSError):
            self._forget_files(now - _KEEP_PLANS)

    def _forget_files(self, before: float) -> None:
        """Remove plan files by the directory that was locked: whoever owns the one around may swap its name."""
        if sys.platform == "win32" or self.degraded:
            return
        plans = os.open("plans", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._lock)
        try:
            with os.scandir(plans) as entries:
                old = [each.name for each in entries if each.stat(follow_symlinks=False).st_mtime < before]
            for name in old:
                os.unlink(name, dir_fd=plans)
        finally:
            os.close(plans)

    def remove(self) -> list[str]:
        """Remove everything here that is ours; return the names of what stays. The lock is kept until ``close``."""
        if self._db is not None:
            self._db.close()
            self._db = None
        return state_directory.remove(self.directory) if self.directory.is_dir() else []

    def close(self) -> None:
        """Close the record and give up the lock."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _text(name: str) -> str:
    return os.fsencode(name).decode("latin-1")


def _name(text: str) -> str:
    return os.fsdecode(text.encode("latin-1"))


def _flock(descriptor: int) -> None:
    """Take the lock; raise ``BlockingIOError`` when a run has it."""
    for asked in range(1, _ASKED + 1):
        try:
            if sys.platform != "win32":
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asked == _ASKED:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _ended(run: Run) -> Run:
    return msgspec.structs.replace(run, status=INTERRUPTED) if run.status == RUNNING else run


def scratch_plan() -> IO[bytes]:
    """Return an unnamed file for a plan that nobody will want later: memory first, then the system's own scratch."""
    return tempfile.SpooledTemporaryFile(max_size=_ROOM)
