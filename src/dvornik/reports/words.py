"""Owns the sentences for rules, reasons, gates and figures, in the current language.

Everything below speaks in codes and numbers; here they become Russian or English, once for every report.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Final

from dvornik import quick_health
from dvornik.languages import _, current, ngettext
from dvornik.model import Gate, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dvornik.application import Found
    from dvornik.model import Finding, Refusal

_DELETED: Final[dict[str, Callable[[int], str]]] = {
    "temp/old": lambda n: ngettext("📁 Removed {n} temporary file", "📁 Removed {n} temporary files", n),
    "temp/empty-directory": lambda n: ngettext("📂 Removed {n} empty directory", "📂 Removed {n} empty directories", n),
    "logs/old": lambda n: ngettext("📄 Cleaned {n} old log file", "📄 Cleaned {n} old log files", n),
    "logs/over-cap": lambda n: ngettext(
        "📄 Removed {n} log file over the limit", "📄 Removed {n} log files over the limit", n
    ),
    "logs/compress": lambda n: ngettext("🗜️ Compressed {n} log file", "🗜️ Compressed {n} log files", n),
    "logs/truncate": lambda n: ngettext("✂️ Cut {n} log in use", "✂️ Cut {n} logs in use", n),
    "media/orphan": lambda n: ngettext("🗂️ Removed {n} unused media file", "🗂️ Removed {n} unused media files", n),
    "media/return": lambda n: ngettext(
        "↩️ Returned {n} media file that is used again", "↩️ Returned {n} media files that are used again", n
    ),
    "media/purge": lambda n: ngettext("🧺 Emptied {n} file from quarantine", "🧺 Emptied {n} files from quarantine", n),
    "sessions/expired": lambda n: ngettext("🔑 Removed {n} expired session", "🔑 Removed {n} expired sessions", n),
    "sessions/row": lambda n: ngettext("🧾 Removed {n} expired row", "🧾 Removed {n} expired rows", n),
    "sessions/return": lambda n: ngettext("↩️ Brought back {n} row", "↩️ Brought back {n} rows", n),
    "sessions/purge": lambda n: ngettext(
        "🧺 Let go of {n} row in the archive", "🧺 Let go of {n} rows in the archive", n
    ),
    "cache/entry": lambda n: ngettext("⚡ Removed {n} cache key", "⚡ Removed {n} cache keys", n),
    "cache/expired": lambda n: ngettext(
        "⚡ Removed {n} expired cache entry", "⚡ Removed {n} expired cache entries", n
    ),
    "cache/file": lambda n: ngettext("⚡ Removed {n} cache file", "⚡ Removed {n} cache files", n),
    "cache/row": lambda n: ngettext("⚡ Removed {n} cache row", "⚡ Removed {n} cache rows", n),
    "database/vacuum": lambda n: _("🗄️ Optimized the database"),  # noqa: ARG005 - a step, not a count
    "database/rewrite": lambda n: ngettext("🗄️ Rewrote {n} table", "🗄️ Rewrote {n} tables", n),
    "database/optimise": lambda n: _("🗄️ Optimized the database"),  # noqa: ARG005 - a step, not a count
}
_PLANNED: Final[dict[str, Callable[[int], str]]] = {
    "temp/old": lambda n: ngettext("📁 Would remove {n} temporary file", "📁 Would remove {n} temporary files", n),
    "temp/empty-directory": lambda n: ngettext(
        "📂 Would remove {n} empty directory", "📂 Would remove {n} empty directories", n
    ),
    "logs/old": lambda n: ngettext("📄 Would clean {n} old log file", "📄 Would clean {n} old log files", n),
    "logs/over-cap": lambda n: ngettext(
        "📄 Would remove {n} log file over the limit", "📄 Would remove {n} log files over the limit", n
    ),
    "logs/compress": lambda n: ngettext("🗜️ Would compress {n} log file", "🗜️ Would compress {n} log files", n),
    "logs/truncate": lambda n: ngettext("✂️ Would cut {n} log in use", "✂️ Would cut {n} logs in use", n),
    "media/orphan": lambda n: ngettext(
        "🗂️ Would remove {n} unused media file", "🗂️ Would remove {n} unused media files", n
    ),
    "media/return": lambda n: ngettext(
        "↩️ Would return {n} media file that is used again", "↩️ Would return {n} media files that are used again", n
    ),
    "media/purge": lambda n: ngettext(
        "🧺 Would empty {n} file from quarantine", "🧺 Would empty {n} files from quarantine", n
    ),
    "sessions/expired": lambda n: ngettext(
        "🔑 Would remove {n} expired session", "🔑 Would remove {n} expired sessions", n
    ),
    "sessions/row": lambda n: ngettext("🧾 Would remove {n} expired row", "🧾 Would remove {n} expired rows", n),
    "cache/entry": lambda n: ngettext("⚡ Would remove {n} cache key", "⚡ Would remove {n} cache keys", n),
    "cache/expired": lambda n: ngettext(
        "⚡ Would remove {n} expired cache entry", "⚡ Would remove {n} expired cache entries", n
    ),
    "cache/file": lambda n: ngettext("⚡ Would remove {n} cache file", "⚡ Would remove {n} cache files", n),
    "cache/row": lambda n: ngettext("⚡ Would remove {n} cache row", "⚡ Would remove {n} cache rows", n),
    "database/vacuum": lambda n: _("🗄️ Would optimize the database"),  # noqa: ARG005 - a step, not a count
    "database/rewrite": lambda n: ngettext("🗄️ Would rewrite {n} table", "🗄️ Would rewrite {n} tables", n),
    "database/optimise": lambda n: _("🗄️ Would optimize the database"),  # noqa: ARG005 - a step, not a count
}


def did(rule: str, count: int) -> str:
    """Say what was done under a rule."""
    if rule in _CONCERNS:
        return _noted(count)
    say = _DELETED.get(rule) or _ASIDE[_what(rule)]
    return say(count).format(n=count)


def undid(rule: str, count: int) -> str:
    """Say what an undo did under a rule: it asks nobody whether a file is used again."""
    return did("sessions/file-return" if rule == "media/return" else rule, count)


_ASIDE: Final[dict[str, Callable[[int], str]]] = {
    "return": lambda n: ngettext("↩️ Brought back {n} file", "↩️ Brought back {n} files", n),
    "purge": lambda n: ngettext("🧺 Emptied {n} file from quarantine", "🧺 Emptied {n} files from quarantine", n),
}
"""What undo and purge do to files of any collector that could neither delete them nor give them back."""


def _what(rule: str) -> str:
    return rule.partition("/")[2].removeprefix("file-")


def would(rule: str, count: int) -> str:
    """Say what would be done under a rule."""
    if rule in _CONCERNS:
        return _noted(count)
    return _PLANNED[rule](count).format(n=count)


_CONCERNS: Final[dict[str, Callable[[], str]]] = {
    "database/long-rewrite": lambda: _(
        "A rewrite of {where} would give back {size}, but lock it for about {seconds}; {most} is allowed. pg_repack"
        " (PostgreSQL) locks nothing; database.max_lock_in_window allows more, in the maintenance window."
    ),
    "database/index-unused": lambda: _(
        "Index {name} of {where}: not used once in {seconds}, takes {size}. On replicas it may be; drop it knowingly."
    ),
    "database/index-invalid": lambda: _(
        "Index {name} of {where} is invalid: writes pay for it, nothing reads it ({size}). Drop or rebuild it."
    ),
    "database/wraparound": lambda: _(
        "Table {where}: transaction ids are {age} old, of {limit} at most. Is something holding autovacuum up?"
    ),
    "database/transaction": lambda: _(
        "Transaction of process {name} is open for {seconds} ({state}): nothing deleted since can be vacuumed."
    ),
    "database/slot": lambda: _("Replication slot {name} is inactive and keeps {size} of the write-ahead log."),
    "database/wal": lambda: _("The write-ahead log takes {size}; the server's own limit is {limit}."),
}


def is_concern(finding: Finding) -> bool:
    """Tell whether only the operator can decide it."""
    return finding.rule in _CONCERNS


def concern(finding: Finding) -> str:
    """Say what only the operator can decide, with its evidence."""
    parts = re.split(r" (?=\w+=)", finding.detail)  # a value may be several words: idle in transaction
    facts: dict[str, str] = dict(part.split("=", 1) for part in parts if "=" in part)
    for name in {"seconds", "most"} & facts.keys():
        facts[name] = hours(float(facts[name]))
    if finding.rule == "database/wal":
        facts["limit"] = size(int(facts["limit"]))
    where = f"{finding.place}/{finding.container}".rstrip("/")
    name = finding.names[0] if finding.names else ""
    said = _CONCERNS[finding.rule]().format(name=name, where=where, size=size(finding.size), **facts)
    return f"{finding.place}: {said}"


def _noted(count: int) -> str:
    return ngettext("🩺 {n} thing to look at", "🩺 {n} things to look at", count).format(n=count)


def kind(what: str) -> str:
    """Name a kind of place."""
    names: Final[dict[str, Callable[[], str]]] = {
        "temp": lambda: _("temporary files"),
        "logs": lambda: _("logs"),
        "media": lambda: _("media"),
        "references": lambda: _("texts that may name media"),
        "database": lambda: _("database"),
        "sessions": lambda: _("sessions"),
        "cache": lambda: _("cache"),
    }
    return names[what]() if what in names else what


def origin(how: str) -> str:
    """Say how a place was found out."""
    names: Final[dict[str, Callable[[], str]]] = {
        "django": lambda: _("from Django's settings"),
        "configuration": lambda: _("from the configuration"),
        "environment": lambda: _("from the environment"),
        "dotenv": lambda: _("from .env"),
        "folder": lambda: _("a folder with a usual name"),
        "left-alone": lambda: _("left alone"),
    }
    return names[how]() if how in names else how


def guard(name: str) -> str:
    """Say what a guard of the kernel's, or of ours, does."""
    names: Final[dict[str, Callable[[], str]]] = {
        "descriptors": lambda: _("paths start from open directories"),
        "openat2": lambda: _("symbolic links are not followed (openat2)"),
        "renameat2": lambda: _("files are never overwritten (renameat2)"),
        "landlock": lambda: _("the kernel forbids removals elsewhere (Landlock)"),
        "files-extension": lambda: _("C code for files"),
        "search-extension": lambda: _("C code for the search"),
    }
    return names[name]() if name in names else name


def unrestricted(code: str) -> str:
    """Say why the kernel does not forbid removals elsewhere, and what to do where it could."""
    names: Final[dict[str, Callable[[], str]]] = {
        "filter": lambda: _(
            "A filter of system calls (seccomp) refuses Landlock: the kernel cannot forbid removals elsewhere. Let it "
            "pass landlock_create_ruleset, landlock_add_rule and landlock_restrict_self; newer container engines do."
        ),
        "missing": lambda: _(
            "This kernel has no Landlock, or a filter (seccomp) hides it: nothing but dvornik itself forbids removals "
            "elsewhere. Linux has it from 5.19 on."
        ),
        "old": lambda: _("Landlock of this kernel cannot be used: it would forbid all moves. Linux 5.19 is enough."),
        "off": lambda: _("Landlock is switched off in this kernel: add landlock to the boot parameter lsm=."),
        "system": lambda: _("This system has no Landlock: nothing but dvornik itself forbids removals elsewhere."),
        "backup": lambda: _(
            "The last run did not have the kernel forbid removals elsewhere: the backup command may remove files."
        ),
        "cut": lambda: _(
            "The last run did not have the kernel forbid removals elsewhere: to cut logs it must see who has them open."
        ),
        "refused": lambda: _(
            "The last run could not have the kernel forbid removals elsewhere: a file system here has no leases, or a "
            "filter (seccomp) refuses a part of Landlock."
        ),
    }
    return names[code]() if code in names else code


def distinct(found: Iterable[Found]) -> list[Found]:
    """Return each place once: what was told of it last is why it is under care."""
    return list({(item.what, item.where): item for item in found}.values())


def rule(name: str) -> str:
    """Name what a rule is about, without a count."""
    names: Final[dict[str, Callable[[], str]]] = {
        "temp/old": lambda: _("old temporary files"),
        "temp/empty-directory": lambda: _("empty directories"),
        "logs/old": lambda: _("old logs"),
        "logs/over-cap": lambda: _("logs over the limit"),
        "logs/compress": lambda: _("logs packed"),
        "logs/truncate": lambda: _("logs in use, cut"),
        "media/orphan": lambda: _("unused media"),
        "media/return": lambda: _("media that is used again"),
        "media/purge": lambda: _("media in quarantine"),
        "sessions/expired": lambda: _("expired sessions"),
        "sessions/row": lambda: _("expired rows"),
        "sessions/return": lambda: _("rows brought back"),
        "sessions/purge": lambda: _("rows in the archive"),
        "cache/entry": lambda: _("cache keys"),
        "cache/expired": lambda: _("expired cache entries"),
        "cache/file": lambda: _("cache files"),
        "cache/row": lambda: _("cache rows"),
        "cache/lasting-session": lambda: _("sessions in the cache without an end"),
        "database/vacuum": lambda: _("databases, thoroughly"),
        "database/rewrite": lambda: _("tables rewritten"),
        "database/long-rewrite": lambda: _("tables that a rewrite would lock for long"),
        "database/index-unused": lambda: _("unused indexes"),
        "database/index-invalid": lambda: _("invalid indexes"),
        "database/wraparound": lambda: _("old transaction ids"),
        "database/transaction": lambda: _("old transactions"),
        "database/slot": lambda: _("inactive replication slots"),
        "database/wal": lambda: _("write-ahead log"),
        "database/optimise": lambda: _("databases"),
    }
    aside: Final[dict[str, Callable[[], str]]] = {
        "return": lambda: _("files brought back"),
        "purge": lambda: _("files in quarantine"),
    }
    say = names.get(name) or aside.get(_what(name))
    return say() if say else name


def status(name: str) -> str:
    """Say how an earlier run ended."""
    return {
        "done": _("done"),
        "partial": _("partly"),
        "refused": _("refused"),
        "unreachable": _("not possible"),
        "interrupted": _("interrupted"),
        "failed": _("failed"),
        "running": _("still running"),
    }.get(name, name)


def figures(done: int, freed: int, aside: int) -> str:
    """Say what an earlier run came to; ``freed`` and ``aside`` are bytes."""
    return ngettext(
        "{n} item, {freed} freed, {aside} set aside", "{n} items, {freed} freed, {aside} set aside", done
    ).format(n=done, freed=size(freed), aside=size(max(0, aside)))


def chosen(how: str) -> str:
    """Say how the configuration was found."""
    return {
        "explicit": _("named by --config"),
        "environment": _("named by DVORNIK_CONFIG"),
        "file": _("the nearest dvornik.toml, from the current directory up"),
        "pyproject": _("[tool.dvornik] of the nearest pyproject.toml"),
        "below": _("that of the Django project one directory below"),
        "defaults": _("no dvornik.toml from here up to the project's own directory: the defaults hold"),
    }[how]


def kept(rule: str, code: Reason) -> str:
    """Say why something stays, as it follows a count, where the rule says of what: "61 tables that need nothing"."""
    if (rule, code) == ("media/purge", Reason.YOUNG):
        return _("waiting in quarantine")
    if code is Reason.NOT_WORTH_IT and rule.startswith("database/"):
        return _("tables that need no optimization")
    if code is Reason.NOT_WORTH_IT and rule.startswith("logs/"):
        return _("logs that would not get smaller")
    return reason(code)


def percent(share: float) -> str:
    """Say a share of 1 in per cent."""
    return f"{share:.0%}".replace("%", "\N{NO-BREAK SPACE}%") if current() == "ru" else f"{share:.0%}"


def reason(code: Reason) -> str:
    """Say why something stays, as it follows a count: "12 too young"."""
    return {
        Reason.YOUNG: _("too young"),
        Reason.FUTURE: _("dated in the future"),
        Reason.EXCLUDED: _("excluded by name"),
        Reason.PLACEHOLDER: _("placeholder"),
        Reason.SYMLINK: _("symbolic link"),
        Reason.SPECIAL: _("not a regular file"),
        Reason.MOUNT: _("mount point"),
        Reason.OPEN: _("open in a program"),
        Reason.NO_APPEND: _("written without append mode"),
        Reason.UNSUPPORTED: _("not possible on this file system"),
        Reason.REFERENCED: _("referred to"),
        Reason.NO_RETENTION: _("kept until a retention is named"),
        Reason.TRIGGER: _("deleting them runs a trigger: triggers = true says that this is meant"),
        Reason.NO_KEY: _("not archived: without a unique key undo could put a row back twice"),
        Reason.DERIVATIVE: _("made from a file that is used"),
        Reason.COMPANION: _("belongs to a file that is used"),
        Reason.GROUP: _("belongs to something still in use"),
        Reason.UNEXPIRED: _("not expired yet"),
        Reason.LASTING: _("without an end"),
        Reason.UNKNOWN_FORMAT: _("format not understood"),
        Reason.UNSEARCHABLE: _("name cannot be searched for"),
        Reason.UNFAMILIAR: _("unfamiliar: no file of their kind is known to be named"),
        Reason.CHANGED: _("changed since the scan"),
        Reason.MOVED: _("moved since the scan"),
        Reason.GONE: _("gone by itself"),
        Reason.TAKEN: _("name taken meanwhile"),
        Reason.NOT_EMPTY: _("not empty any more"),
        Reason.NOT_WORTH_IT: _("not worth it"),
        Reason.NOT_OWN: _("somebody else's"),
        Reason.REFUSED: _("refused"),
        Reason.BUSY: _("busy"),
        Reason.TOO_LONG: _("would hold the application up for too long"),
        Reason.NO_HEADROOM: _("too little free disk for it"),
        Reason.DENIED: _("permission denied"),
        Reason.READ_ONLY: _("read-only: the file system, or the server"),
        Reason.IMMUTABLE: _("operation not permitted"),
        Reason.NO_SPACE: _("no space, or no inode, left on the disk"),
        Reason.IO_ERROR: _("input/output error"),
        Reason.UNREACHABLE: _("no longer reached; what had gone by then is gone"),
    }[code]


def gate(refusal: Refusal) -> str:
    """Say why policy refuses, with the figures."""
    facts = dict(refusal.facts)
    for name in ("limit", "size"):
        if refusal.gate is Gate.BYTES and name in facts:
            facts[name] = size(int(facts[name]))
    if refusal.gate is Gate.SHARE:
        facts["limit"] = percent(float(facts["limit"]))
    if refusal.gate is Gate.BACKUP:
        return _backup(refusal)
    if "source" in facts:
        return _("{source} named {before} files at the last good run and names {now} now: is it complete?").format(
            **facts
        )
    return _GATES[refusal.gate]().format(**facts)


_GATES: Final[dict[Gate, Callable[[], str]]] = {
    Gate.SHARE: lambda: _("{count} of {items} files would go, more than the cap of {limit}"),
    Gate.COUNT: lambda: _("{count} files would go, more than the cap of {limit}"),
    Gate.BYTES: lambda: _("{size} would go, more than the cap of {limit}"),
    Gate.NO_REFERENCES: lambda: _("nothing refers to any of the {items} files: is this the right database?"),
    Gate.REFERENCES_MISSING: lambda: _(
        "only {found} of {references} files that the database names are there: is this the right directory?"
    ),
    Gate.REFERENCES_FELL: lambda: _("references fell from {before} to {now} since the last good run"),
    Gate.ORPHANS: lambda: _("{orphans} of {items} files are referred to by nothing: more than is plausible"),
    Gate.DATABASE_CHANGED: lambda: _("the database is another than at the last good run"),
    Gate.STORAGE_CHANGED: lambda: _("the directory is another than at the last good run"),
    Gate.STORAGE_EMPTY: lambda: _("the directory is empty and held {items} files before: is the volume mounted?"),
    Gate.ROWS_SHARE: lambda: _(
        "{count} of {rows} rows of {table} would go, and it was never cleaned before: is this the right column?"
    ),
    Gate.CONFIGURATION_CHANGED: lambda: _("the configuration changed since the plan was made"),
    Gate.WINDOW: lambda: _("outside the maintenance window ({start} to {end})"),
    Gate.UNREACHABLE: lambda: _("a place cannot be reached"),
}


def _backup(refusal: Refusal) -> str:
    facts = refusal.facts
    if "command" in facts:
        return _("the backup command {command} did not succeed ({code})").format(**facts)
    limit = hours(float(facts["max_age"]))
    if "age" not in facts:
        return _("there is no backup at {file}").format(file=facts["file"])
    return _("the newest backup is {age} old, more than {limit}").format(age=hours(float(facts["age"])), limit=limit)


def size(count: int) -> str:
    """Say a number of bytes in decimal units: 1.5 GB, 1,5 ГБ."""
    return quick_health.size_text(count, current())


def number(count: int) -> str:
    """Say a number of things, its thousands apart: 50,321 in English, 50 321 in Russian (the space does not break)."""
    return f"{count:,}".replace(",", "\u00a0") if current() == "ru" else f"{count:,}"


def decimal(value: float) -> str:
    """Say a number with one decimal: 0.5 in English, 0,5 in Russian."""
    return f"{value:.1f}".replace(".", "," if current() == "ru" else ".")


def hours(seconds: float) -> str:
    """Say a duration roughly."""
    if seconds < 90:  # noqa: PLR2004 - below it seconds read better than minutes
        return _("{n} s").format(n=decimal(seconds))
    if seconds < 2 * 3600:
        return _("{n} min").format(n=round(seconds / 60))
    if seconds < 2 * 86400:
        return _("{n} h").format(n=round(seconds / 3600))
    return _("{n} d").format(n=round(seconds / 86400))


def moment(seconds: float) -> str:
    """Say a time of day with its date, in the server's own zone."""
    shape = "%d.%m.%Y %H:%M" if current() == "ru" else "%Y-%m-%d %H:%M"
    return time.strftime(shape, time.localtime(seconds))


def address(place: str, container: str, name: str) -> str:
    """Name a file for the screen: its place, then its path in it."""
    return safe(f"{place}:{container}/{name}".replace(":/", ":"))


def safe(name: str) -> str:
    """Return a name that is harmless on a screen: no control character, no escape, no undecodable byte."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in name)
