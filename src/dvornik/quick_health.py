"""Is the installation healthy, judged from what the last run wrote down, before anything heavy is imported.

A container asks every few minutes, so the whole process may take little more than an interpreter's start. Hence only
modules that the interpreter has loaded by then: no re, typing, json (it brings both), pathlib, datetime, gettext or
msgspec; hence also the few sentences and units here. ``dvornik.health`` judges and speaks through this module, too.
"""

from __future__ import annotations

import os
import sys
import time

from dvornik import state_check

TYPE_CHECKING = False  # typing alone costs a third of the budget
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypedDict

    class Source(TypedDict):
        """A file that the configuration was read from, as it was then."""

        path: str
        mtime_ns: int
        size: int

    class LastRun(TypedDict):
        """How the last cleanup ended; ``finished`` in seconds since the epoch."""

        id: str
        finished: float
        status: str
        exit_code: int

    class Step(TypedDict):
        """How the last cleanup by one collector ended; the rest of the record is for the metrics."""

        finished: float
        status: str
        last_success: float | None

    class Begun(TypedDict):
        """A cleanup that began; it is in the record until it ended. ``started`` in seconds since the epoch."""

        run: str
        started: float
        steps: list[str]

    class Record(TypedDict):
        """What a run leaves for the health check; ``dvornik.health.Health`` explains the fields."""

        version: int
        config: str
        sources: list[Source]
        environ: dict[str, str]
        max_age: float
        step_max_age: float
        temp_limit: int
        logs_limit: int
        temp: list[str]
        logs: list[str]
        since: float
        last_success: float | None
        last_run: LastRun | None
        steps: dict[str, Step]
        language: str
        unread: str
        state: str
        begun: Begun | None

    Reason = tuple[str, dict[str, float | int | str]]


VERSION = 1
NAME = "health.json"
STALE, TEMP, LOGS, FAILED = "no-recent-cleanup", "temp-size", "logs-size", "last-run-failed"
UNREAD, STATE = "record-unreadable", "state-unusable"
ALERTS = (STATE, UNREAD, STALE, TEMP, LOGS, FAILED)
"""Every alert, in the order in which they are told."""
FLAG = "--health-check"
"""How ``cleanup.py`` is asked."""
KILLED = "killed"
"""The status of a cleanup that began and never ended."""
LOST = "lost"
"""Why a state is unusable that is empty, though the log tells of cleanups."""
UNWRITTEN = "unwritten"
"""Why a record is empty: the disk had no room for it."""
DAMAGED = "damaged"
"""Why a record is unreadable that could be opened; otherwise the system's own words."""
DAY = 86400
_STATE = ".dvornik"
_LANGUAGES = ("ru", "en")
_NO_RECORD = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What a record that is JSON, but not as it was written, raises where it is used."""
_SETTINGS = ("DVORNIK_APP_", "DVORNIK_HEALTH_", "DVORNIK_TEMP_", "DVORNIK_LOGS_")


def main(argv: Sequence[str], environ: Mapping[str, str], directory: str, language: str = "ru") -> int | None:
    """Answer ``--health-check`` on standard output: 0 healthy, 1 not; ``None``: the whole program must answer.

    ``argv`` is without the program's name; ``directory`` is where the configuration is looked for. ``None`` comes back
    for any other flag, and whenever the record is missing, unreadable, of another version or older than its sources.
    """
    options = _options(argv)
    if options is None:
        return None
    record = _record(options.get("--config") or environ.get("DVORNIK_CONFIG", ""), environ, directory)
    if record is None:
        return None
    try:
        speak = options.get("--lang") or environ.get("DVORNIK_LANG") or record["language"] or language
        if speak not in _LANGUAGES:
            return None
        reasons, unreadable = judge(record, time.time())
        said = lines(reasons, unreadable, speak)
    except _NO_RECORD:
        return None
    _say(said)
    return 1 if reasons else 0


def judge(record: Record, now: float) -> tuple[list[Reason], int]:
    """Return the alerts at ``now`` (seconds since the epoch) and how many directories could not be measured."""
    judged = (_unusable(record), _unread(record), _stale(record, now), _failed(record))
    reasons: list[Reason] = [reason for reason in judged if reason]
    unreadable = 0
    for code, roots, limit in (
        (TEMP, record["temp"], record["temp_limit"]),
        (LOGS, record["logs"], record["logs_limit"]),
    ):
        size, unread = measure(roots, limit)
        unreadable += unread
        if size > limit:
            reasons.append((code, {"limit": limit, "size": size, "unreadable": unread}))
    reasons.sort(key=lambda reason: ALERTS.index(reason[0]))
    return reasons, unreadable


def _unusable(record: Record) -> Reason | None:
    """Alert where no run of this user could use the state: what fails before it begins leaves no other trace."""
    state = record.get("state", "")  # a record of before had none
    why = state and state_check.objection(state)
    return (STATE, {"why": why, "state": state}) if why else None


def _unread(record: Record) -> Reason | None:
    """Alert when there is a record that nobody can read: it may have been of a failure."""
    why = record.get("unread", "")
    if why == LOST:
        return STATE, {"why": why, "state": record.get("state", "")}
    return (UNREAD, {"why": why}) if why else None


def _stale(record: Record, now: float) -> Reason | None:
    """Alert when nothing succeeded for too long, or when one step did not that others keep on hiding."""
    last = record["last_success"]
    age = now - (record["since"] if last is None else last)
    if not -DAY <= age <= record["max_age"]:  # a success in the future proves nothing
        return STALE, {"max_age": record["max_age"], "last": last or 0.0, "steps": ""}
    limit = record.get("step_max_age", 0.0)  # a record of before had neither
    steps = {name: step["last_success"] for name, step in record.get("steps", {}).items()}
    old = {name: time for name, time in steps.items() if limit and time is not None and now - time > limit}
    if not old:
        return None
    return STALE, {"max_age": limit, "last": min(old.values()), "steps": " ".join(old)}


def _failed(record: Record) -> Reason | None:
    """Alert when the last cleanup failed, or the last by any one step: the daily success of another hides it not."""
    run = record["last_run"]
    failing = {name: step for name, step in record.get("steps", {}).items() if step["status"] != "done"}
    begun = record.get("begun")
    if begun and not state_check.is_locked(record["state"]):
        both = " ".join({**failing, **dict.fromkeys(begun["steps"])})
        return FAILED, {"finished": begun["started"], "status": KILLED, "steps": both}
    steps = " ".join(failing)
    if run is not None and run["exit_code"]:
        return FAILED, {"finished": run["finished"], "status": run["status"], "steps": steps}
    if failing:
        last = max(failing.values(), key=lambda step: step["finished"])
        return FAILED, {"finished": last["finished"], "status": last["status"], "steps": steps}
    return None


def measure(roots: Iterable[str], limit: int) -> tuple[int, int]:
    """Return the bytes below ``roots`` and how many directories could not be read; stop once over ``limit``.

    A file counts the blocks that it takes, not what it says: a log with a hole takes no more than its lines. Links are
    not followed, other file systems are not entered, what is missing takes nothing.
    """
    total = unreadable = 0
    for root in _outermost(roots):
        todo = [root]
        device = _device(root)
        while todo and total <= limit:
            try:
                with os.scandir(todo.pop()) as entries:
                    for entry in entries:
                        total += _weigh(entry, device, todo)
                        if total > limit:
                            break
            except FileNotFoundError:
                continue
            except OSError:
                unreadable += 1
    return total, unreadable


def _weigh(entry: os.DirEntry[str], device: int, todo: list[str]) -> int:
    """Return the bytes of a regular file; put a directory of the same ``device`` on the list."""
    try:
        status = entry.stat(follow_symlinks=False)
        if entry.is_dir(follow_symlinks=False):
            if status.st_dev in {device, 0}:  # 0: Windows does not tell
                todo.append(entry.path)
            return 0
        if not entry.is_file(follow_symlinks=False):
            return 0
    except OSError:  # gone meanwhile
        return 0
    if sys.platform == "win32":
        return status.st_size
    return status.st_blocks * 512


def _device(root: str) -> int:
    try:
        return os.stat(root).st_dev  # noqa: PTH116 - pathlib is too dear here
    except OSError:
        return 0


def _outermost(roots: Iterable[str]) -> list[str]:
    """Leave out what lies in another root, so that nothing is counted twice."""
    distinct = sorted({os.path.abspath(root) for root in roots})  # noqa: PTH100 - pathlib is too dear here
    kept: list[str] = []
    for root in distinct:
        if not any(root.startswith(other.rstrip(os.sep) + os.sep) for other in kept):
            kept.append(root)
    return kept


def read(path: str) -> Record:
    """Return the record at ``path``; raise ``OSError``, or ``ValueError`` on anything but a record of this version."""
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is too dear here
        record = _loads(file.read())
    if not isinstance(record, dict) or record.get("version") != VERSION:
        raise ValueError(path)
    return record  # type: ignore[return-value]  # written by dvornik.health, in a directory that is ours alone


class _Plain:
    """What the interpreter's JSON scanner asks for: nothing is converted."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None
    memo: dict[str, str] = {}  # noqa: RUF012 - the scanner's own, emptied by it


def _loads(text: str) -> object:
    """Parse JSON by the scanner that ``json`` itself uses, without the 9 ms that importing ``json`` costs."""
    try:
        from _json import make_scanner  # noqa: PLC0415 - optional, and the point of this function

        return make_scanner(_Plain)(text, 0)[0]  # type: ignore[arg-type]  # any object with those attributes
    except Exception:  # noqa: BLE001 - another interpreter, or a broken file: the library's own word counts
        import json  # noqa: PLC0415

        return json.loads(text)


def seen(path: str) -> Source:
    """Return what tells a later version of the file at ``path`` from this one; a missing file has size -1."""
    path = os.path.abspath(path)  # noqa: PTH100 - pathlib is too dear here
    try:
        status = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return {"path": path, "mtime_ns": -1, "size": -1}
    return {"path": path, "mtime_ns": status.st_mtime_ns, "size": status.st_size}


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that the answer depends on; none of them holds a secret."""
    return {name: value for name, value in environ.items() if name.startswith(_SETTINGS)}


def _record(config: str, environ: Mapping[str, str], directory: str) -> Record | None:
    """Find the record that belongs to this configuration; ``None`` unless it is certainly still true."""
    path = os.path.join(directory, config or "dvornik.toml")  # noqa: PTH118 - pathlib is too dear here
    if not config and not os.path.exists(path):  # noqa: PTH110 - as above
        path = ""
    try:
        state = environ.get("DVORNIK_APP_STATE") or _state(path)
        home = os.path.dirname(path) if path else directory  # noqa: PTH120 - as above
        place = os.path.join(home, state)  # noqa: PTH118 - as above
        if state == _STATE and not os.path.lexists(place):
            from dvornik import served  # noqa: PLC0415 - few need it

            place = served.state_for(home)
        record = read(os.path.join(place, NAME))  # noqa: PTH118 - as above
        return record if is_current(record, path, environ, directory) else None
    except (OSError, *_NO_RECORD):
        return None


def is_current(record: Record, config: str, environ: Mapping[str, str], directory: str) -> bool:
    """Tell whether the record was made from these very files and variables."""
    made_from = record["config"] and os.path.realpath(record["config"])
    pyproject = os.path.join(os.path.realpath(directory), "pyproject.toml")  # noqa: PTH118 - pathlib is too dear here
    return (
        made_from in ({os.path.realpath(config)} if config else {"", pyproject})
        and all(seen(source["path"]) == source for source in record["sources"])
        and settings(environ) == record["environ"]
    )


def _state(config: str) -> str:
    """Read ``[app] state`` without a TOML parser (it costs two interpreter starts); ``ValueError`` when in doubt.

    A wrong guess does no harm: a record names the configuration that it was made from, and is checked against it.
    """
    if not config:
        return _STATE
    section = ""
    with open(config, encoding="utf-8") as file:  # noqa: PTH123 - pathlib is too dear here
        for line in file:
            text = line.strip()
            name, equals, value = text.partition("=")
            if text.startswith("["):
                section = text
            elif equals and section == "[app]" and name.strip() == "state":
                return _unquote(value.strip())
    return _STATE


def _unquote(value: str) -> str:
    """Return what stands between one pair of quotes; ``ValueError`` on anything else."""
    quote = value[:1]
    inner, closing, rest = value[1:].partition(quote) if quote in {'"', "'"} else ("", "", "")
    if not closing or not inner or "\\" in inner or (rest.strip() and not rest.strip().startswith("#")):
        raise ValueError(value)
    return inner


def _options(argv: Sequence[str]) -> dict[str, str] | None:
    """Return the options of a bare health check, or ``None`` when anything else is asked for."""
    options: dict[str, str] = {}
    asked = False
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == FLAG:
            asked = True
        elif name in {"--lang", "--config"}:
            options[name] = value if equals else next(words, "")
            if not options[name]:
                return None
        else:
            return None
    return options if asked else None


def lines(reasons: Sequence[Reason], unreadable: int, language: str) -> list[str]:
    """Return a line a reason, or the one that says all is well, in ``language`` (``ru`` or ``en``)."""
    said = [describe(code, facts, language) for code, facts in reasons]
    if not said:
        said.append({"ru": "✅ Всё в порядке", "en": "✅ Healthy"}[language])
    if unreadable:
        note = {"ru": "ℹ️ Не удалось прочитать каталогов: {}", "en": "ℹ️ Directories that could not be read: {}"}
        said.append(note[language].format(unreadable))
    return said


def describe(code: str, facts: Mapping[str, float | int | str], language: str) -> str:
    """Return the sentence for one alert."""
    key = code
    if code == STALE and not facts["last"]:
        key = "never"
    elif code == UNREAD and facts["why"] in {DAMAGED, UNWRITTEN}:
        key = str(facts["why"])
    elif code == FAILED and facts["status"] == KILLED:
        key = KILLED
    elif code == STATE:
        key = f"{STATE}: {facts['why']}"
    steps = ", ".join(_STEPS[language].get(step, step) for step in str(facts.get("steps", "")).split())
    said = _SENTENCES[key][language].format(
        age=_duration(float(facts.get("max_age", 0)), language),
        limit=size_text(int(facts.get("limit", 0)), language),
        last=_moment(float(facts.get("last", 0)), language),
        finished=_moment(float(facts.get("finished", 0)), language),
        status=_WORDS[language].get(str(facts.get("status", "")), facts.get("status", "")),
        why=_WORDS[language].get(str(facts.get("why", "")), facts.get("why", "")),
        state=_plain(str(facts.get("state", ""))),
    )
    return f"{said}: {steps}" if steps else said


_STEPS = {
    "ru": {
        "temp": "временные файлы", "logs": "логи", "media": "медиа", "sessions": "сессии", "database": "база данных",
        "cache": "кэш",
    },
    "en": {"temp": "temporary files"},
}  # fmt: skip
_WORDS = {
    "ru": {
        "partial": "выполнено частично", "refused": "отклонено", "unreachable": "что-то недоступно",
        "interrupted": "прервано", "failed": "сбой", "unrecorded": "не записано в историю",
        "Permission denied": "нет прав доступа", "Input/output error": "ошибка ввода-вывода",
        "Is a directory": "это каталог", "Too many levels of symbolic links": "слишком много символических ссылок",
        "Not a directory": "это не каталог", "Stale file handle": "сетевой диск отключился",
    },
    "en": {"partial": "partly done", "unreachable": "not possible", "unrecorded": "not in the history"},
}  # fmt: skip
"""How a cleanup ended, and what the system says of a file that cannot be read."""
_SENTENCES = {
    UNREAD: {
        "ru": "❌ Запись о прошлых очистках (health.json) не читается: {why}",
        "en": "❌ The record of past cleanups (health.json) cannot be read: {why}",
    },
    DAMAGED: {
        "ru": "❌ Запись о прошлых очистках (health.json) повреждена; следующая очистка напишет её заново",
        "en": "❌ The record of past cleanups (health.json) is damaged; the next cleanup writes it anew",
    },
    UNWRITTEN: {
        "ru": "❌ Очистку не удалось записать (health.json пуст): не было места на диске; следующая его перепишет",
        "en": "❌ A cleanup could not be recorded (health.json is empty): the disk was full; the next one rewrites it",
    },
    STALE: {
        "ru": "⚠️ Успешной очистки не было больше {age} (последняя: {last})",
        "en": "⚠️ No successful cleanup for more than {age} (the last: {last})",
    },
    "never": {
        "ru": "⚠️ Успешной очистки ещё не было, хотя прошло больше {age}",
        "en": "⚠️ No successful cleanup yet, after more than {age}",
    },
    TEMP: {
        "ru": "⚠️ Временные файлы занимают больше {limit}",
        "en": "⚠️ Temporary files take more than {limit}",
    },
    LOGS: {"ru": "⚠️ Логи занимают больше {limit}", "en": "⚠️ Logs take more than {limit}"},
    FAILED: {
        "ru": "❌ Последняя очистка завершилась с ошибкой ({finished}, {status})",
        "en": "❌ The last cleanup ended with an error ({finished}, {status})",
    },
    KILLED: {
        "ru": "❌ Очистка началась {finished} и не закончилась: процесс убит (kill -9, нехватка памяти, перезагрузка)",
        "en": "❌ A cleanup began at {finished} and never ended: it was killed (kill -9, out of memory, a reboot)",
    },
    f"{STATE}: {state_check.OWNER}": {
        "ru": "❌ Каталог состояния {state} принадлежит другому пользователю: запускайте dvornik от его имени",
        "en": "❌ The state directory {state} belongs to another user: run dvornik as that user",
    },
    f"{STATE}: {state_check.MODE}": {
        "ru": "❌ Каталог состояния {state} открыт другим пользователям: chmod 0700",
        "en": "❌ The state directory {state} is open to other users: chmod 0700",
    },
    f"{STATE}: {state_check.FILE}": {
        "ru": "❌ Состояние {state} — не каталог",
        "en": "❌ The state {state} is not a directory",
    },
    f"{STATE}: {state_check.MISSING}": {
        "ru": "❌ Каталога состояния {state} нет, и создать его нельзя: подключён ли том?",
        "en": "❌ The state directory {state} is missing and cannot be made: is the volume mounted?",
    },
    f"{STATE}: {state_check.DENIED}": {
        "ru": "❌ Нет прав на каталог состояния {state}",
        "en": "❌ The state directory {state} cannot be read and written (Permission denied)",
    },
    f"{STATE}: {state_check.READ_ONLY}": {
        "ru": "❌ Каталог состояния {state} на диске, доступном только для чтения: очистку не записать",
        "en": "❌ The state directory {state} is on a read-only disk: no cleanup can be recorded",
    },
    f"{STATE}: {state_check.FULL}": {
        "ru": "❌ На диске каталога состояния {state} нет места: очистку не записать",
        "en": "❌ The disk of the state directory {state} is full: no cleanup can be recorded",
    },
    f"{STATE}: {state_check.NEWER}": {
        "ru": "❌ Состояние {state} записала более новая версия dvornik: установите её",
        "en": "❌ A newer dvornik wrote the state {state}: install that version",
    },
    f"{STATE}: {LOST}": {
        "ru": "❌ В каталоге состояния {state} нет записей, а в журнале очистки есть: подключён ли том?",
        "en": "❌ The state directory {state} has no record, and the log tells of cleanups: is the volume mounted?",
    },
}
_UNITS = {
    "ru": (("дня", "дней", DAY), ("часа", "часов", 3600), ("минуты", "минут", 60), ("секунды", "секунд", 1)),
    "en": (("day", "days", DAY), ("hour", "hours", 3600), ("minute", "minutes", 60), ("second", "seconds", 1)),
}


def _duration(seconds: float, language: str) -> str:
    """Say a duration in its largest whole unit, in the case that follows "more than"."""
    number, one, many = 0, "", ""
    for one, many, unit in _UNITS[language]:  # noqa: B007 - the last unit stands when none is whole
        number = int(seconds // unit)
        if number and seconds % unit == 0:
            break
    singular = number % 10 == 1 and number % 100 != 11 if language == "ru" else number == 1  # noqa: PLR2004 - grammar
    return f"{number} {one if singular else many}"


def size_text(size: int, language: str) -> str:
    """Say a size in decimal units, with one digit after the point where it tells something."""
    names = ("Б", "кБ", "МБ", "ГБ", "ТБ") if language == "ru" else ("B", "kB", "MB", "GB", "TB")
    step = 0
    value = float(size)
    while value >= 1000 and step < len(names) - 1:  # noqa: PLR2004 - the decimal units' own step
        value /= 1000
        step += 1
    number = f"{value:.1f}".removesuffix(".0")
    return f"{number.replace('.', ',') if language == 'ru' else number} {names[step]}"


def _plain(text: str) -> str:
    """Return a path as a terminal may show it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _moment(seconds: float, language: str) -> str:
    try:
        return time.strftime("%d.%m.%Y %H:%M" if language == "ru" else "%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # no time that there ever was: the record is damaged
        return "?"


def _say(said: Iterable[str]) -> None:
    """Print; a terminal that lacks a letter gets a question mark rather than a traceback.

    Where nothing can be printed, the exit status is the answer.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write("".join(f"{line}\n" for line in said).encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
