"""Durations and sizes as operators write them (``"30d"``, ``"1.5 GiB"``), parsed strictly.

By hand, since they are read before anything else starts: the libraries for it take longer to import than a health
check may take altogether, and accept what a typing error makes (``"1:2"``, digits of other alphabets).
"""

from __future__ import annotations

import re

_NUMBER = r"(\d+)(?:\.(\d+))?"
_TERM = re.compile(_NUMBER + r"\s*([a-z]+)", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(r"\d+(?:\.\d+)?\s*[a-z]+(?:\s*,?\s*\d+(?:\.\d+)?\s*[a-z]+)*", re.ASCII | re.IGNORECASE)
_SIZE = re.compile(_NUMBER + r"\s*([a-z]+)", re.ASCII | re.IGNORECASE)

_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 604800),
}
_BYTES: dict[str, int] = {
    "B": 1,
    "Byte": 1,
    "kB": 1000,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGTPE", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTPE", 1)},
}
_LONGEST_TEXT = 64
_LONGEST_DURATION = 1000 * 365.25 * 86400
"""A thousand years: more is a typing error, and breaks the arithmetic of dates."""


class Duration(float):
    """Seconds, written with a unit: ``"90s"``, ``"24h"``, ``"30d"``. A bare number other than zero is refused."""

    def __new__(cls, text: str | float) -> Duration:  # noqa: PYI034 - a float subclass returns itself
        """Parse ``text``; raise ``ValueError`` on anything that is not wholly a non-negative duration."""
        return super().__new__(cls, _seconds(text) if isinstance(text, str) else _zero(text))


class Size(int):
    """Bytes, written with a unit: ``"500 MB"``, ``"1.5 GiB"``. A bare number other than zero is refused."""

    def __new__(cls, text: str | int) -> Size:  # noqa: PYI034 - an int subclass returns itself
        """Parse ``text``; raise ``ValueError`` on anything that is not wholly a non-negative size."""
        return super().__new__(cls, _bytes(text) if isinstance(text, str) else _zero(text))


def written(value: Duration | Size) -> str:
    """Return the shortest text that parses back to ``value``, for a configuration file."""
    if value == 0:
        return "0"
    units = _DURATION_UNITS if isinstance(value, Duration) else _SIZE_UNITS
    for unit, factor in units:
        if value % factor == 0:
            return f"{int(value // factor)}{unit}"
    return f"{float(value):.6f}s"


_DURATION_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_SIZE_UNITS = tuple(
    (f" {unit}", factor)
    for unit, factor in sorted(_BYTES.items(), key=lambda pair: -pair[1])
    if unit not in {"KB", "Byte"}
)


def _zero(value: float) -> int:
    if isinstance(value, bool) or value != 0:
        raise ValueError(value)
    return 0


def _seconds(text: str) -> float:
    text = text.strip()
    if text == "0":
        return 0
    if len(text) > _LONGEST_TEXT or not _DURATION.fullmatch(text):
        raise ValueError(text)
    units = [term[3].lower() for term in _TERM.finditer(text)]
    factors = [_SECONDS.get(unit, 0) for unit in units]
    if 0 in factors or factors != sorted(set(factors), reverse=True):
        raise ValueError(text)
    total = sum(
        float(f"{term[1]}.{term[2] or 0}") * factor for term, factor in zip(_TERM.finditer(text), factors, strict=True)
    )
    if total > _LONGEST_DURATION:
        raise ValueError(text)
    return total


def _bytes(text: str) -> int:
    text = text.strip()
    if text == "0":
        return 0
    match = _SIZE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None or match[3] not in _BYTES:
        raise ValueError(text)
    factor, fraction = _BYTES[match[3]], match[2] or "0"
    return int(match[1]) * factor + int(fraction) * factor // int("1" + "0" * len(fraction))
