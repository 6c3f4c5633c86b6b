"""Owns how a line of the log looks: text for people, JSON for programs, and what the journal of systemd wants."""

from __future__ import annotations

import json
import logging
import time


class TextLines(logging.Formatter):
    """``2026-11-22 02:00:05,567 INFO temp/old: 15 done in tmp [run 20261122T020005Z-1251]``."""

    def __init__(self) -> None:
        """Take the form that the operator's page shows."""
        super().__init__("%(asctime)s %(levelname)s %(operation)s: %(result)s [run %(run)s]")


class JsonLines(logging.Formatter):
    """One object a line, the same fields: time (RFC 3339), level, operation, result, run."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. A name that is not UTF-8 is spelt out in ``result`` already."""
        when = time.localtime(record.created)
        said = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', when)}.{record.msecs:03.0f}{_zone(when)}",
            "level": record.levelname,
            **{field: getattr(record, field) for field in ("operation", "result", "run")},
        }
        return json.dumps(said, ensure_ascii=False)


def _zone(when: time.struct_time) -> str:
    offset = time.strftime("%z", when)
    return f"{offset[:3]}:{offset[3:5]}"


class JournalLines(logging.Formatter):
    """The priority that journald reads off the start of a line (sd-daemon(3)); it has a clock of its own."""

    _PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))

    def __init__(self) -> None:
        """Leave the time out."""
        super().__init__("%(operation)s: %(result)s [run %(run)s]")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line with its priority."""
        priority = next((number for level, number in self._PRIORITIES if record.levelno >= level), 7)
        return f"<{priority}>{super().format(record)}"


def quoted(text: str) -> str:
    r"""Return ``text`` such that it stays on its line and forges none: in quotes unless it is plain.

    Control and format characters become ``\n``, ``\u202e``; undecodable bytes (surrogates) the bytes that they are.
    """
    if text.isprintable() and not any(character in text for character in '"\\[]') and text.strip() == text:
        return text if text and " " not in text else f'"{text}"'
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # noqa: PLR2004 - how Python carries undecodable bytes
        return f"\\x{code - 0xDC00:02x}"
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
