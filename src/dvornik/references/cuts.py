"""UUIDs and digests within paths: in a longer name, or cut into directories in any way.

``123_<sha1>.dat``, ``ab/cd/ef01….jpg``, ``2b0/6f7/f1-1c2d-4e3f-8a9b-0123456789ab``, ``ab/cd/…/ef/photo.jpg``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LENGTHS: Final = frozenset((32, 40, 56, 64, 96, 128))
"""Hexadecimal digits of a UUID or MD5, SHA-1 and SHA-2."""
_UUID: Final = 32
_PARTS: Final = 64
"""So many directories a digest may be cut into: two digits each."""
_PIECE: Final = re.compile(r"[0-9a-fA-F][0-9a-fA-F-]{0,127}")
_REST: Final = re.compile(r"^([0-9a-fA-F-]{1,127}+)(?:\.[^\n]*)?$", re.MULTILINE)
_WITHIN: Final = re.compile(r"(?<![0-9a-zA-Z])[0-9a-fA-F]{32,128}(?![0-9a-zA-Z])")


def spellings(digits: bytes) -> tuple[bytes, ...]:
    """Return what rows may write for such digits: a UUID also has dashes."""
    if len(digits) != _UUID:
        return (digits,)
    return digits, b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def of_directory(container: str) -> list[bytes]:
    """Return the keys that a directory, or one above it, is called by."""
    found: list[bytes] = []
    run: list[str] = []
    for part in (*container.split("/"), ""):
        if part and _PIECE.fullmatch(part):
            run.append(part)
            continue
        found += _windows(run)
        found += _within(part)
        run = []
    return found


def of_names(container: str, names: Sequence[str]) -> dict[str, list[bytes]]:
    """Return the keys that files of one directory are called by, beyond the whole of their names."""
    found: dict[str, list[bytes]] = {}
    before = _fan(container)
    if before:
        for match in _REST.finditer("\n".join(names)):
            ways = ("".join((*before[begin:], match[1])).replace("-", "") for begin in range(len(before)))
            keys = [key for way in ways if len(way) in LENGTHS for key in spellings(way.lower().encode())]
            if keys:
                found[match[0]] = keys
    if max(map(len, names), default=0) > _UUID:
        for name in names:
            keys = _within(name) if len(name) > _UUID else []
            if keys:
                found[name] = [*found.get(name, ()), *keys]
    return found


def _within(name: str) -> list[bytes]:
    runs = (run for run in _WITHIN.findall(name) if len(run) in LENGTHS)
    return [key for run in runs for key in spellings(run.lower().encode())]


def _fan(container: str) -> list[str]:
    """Return the last parts of a directory that may be pieces of what its files are called."""
    pieces: list[str] = []
    for part in reversed(container.split("/")) if container else ():
        if len(pieces) == _PARTS or not _PIECE.fullmatch(part):
            break
        pieces.append(part)
    return pieces[::-1]


def _windows(run: Sequence[str]) -> Iterator[bytes]:
    digits = [piece.replace("-", "").lower() for piece in run]
    for begin in range(len(digits)):
        way = ""
        for piece in digits[begin : begin + _PARTS]:
            way += piece
            if len(way) in LENGTHS:
                yield from spellings(way.encode())
            if len(way) > max(LENGTHS):
                break
