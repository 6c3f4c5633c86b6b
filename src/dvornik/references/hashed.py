"""Names that are the digest of a short cell: MD5 of an e-mail's address or of a user's name, SHA-1 of a title."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_ALGORITHMS: Final = {32: hashlib.md5, 40: hashlib.sha1, 64: hashlib.sha256, 128: hashlib.sha512}
"""By the number of hexadecimal digits."""
_SHORTEST, _LONGEST = 2, 254
"""Bytes of a cell: an address of e-mail is no longer."""
_RANDOM: Final = 64
"""So many names that all look like random UUIDs are such, and no MD5."""


class Hashed:
    """Knows which digests a listing's names may be. First ``note`` all of them, then ask for what cells make."""

    def __init__(self) -> None:
        """Start with none."""
        self._lengths: set[int] = set()
        self._random = 0

    def note(self, digests: Iterable[bytes]) -> None:
        """Take note of digests that files are called by."""
        for each in digests:
            if _is_random(each):
                self._random += 1
            elif len(each) in _ALGORITHMS:
                self._lengths.add(len(each))

    def of(self, cells: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the digests of short cells, as they stand and as they are usually tidied; none that no name may be."""
        lengths = self._lengths | {32} if 0 < self._random < _RANDOM else self._lengths
        if not lengths:
            return
        makes: list[Callable[[bytes], hashlib._Hash]] = [
            partial(_ALGORITHMS[length], usedforsecurity=False) for length in sorted(lengths)
        ]
        for cell in set(cells):
            if _SHORTEST < len(cell) <= _LONGEST and not cell.isdigit():
                for form in _forms(cell):
                    for make in makes:
                        yield make(form).hexdigest().encode()


def _is_random(digits: bytes) -> bool:
    return len(digits) == 32 and digits[12:13] == b"4" and digits[16:17] in b"89ab"  # noqa: PLR2004 - RFC 9562


def _forms(cell: bytes) -> Iterable[bytes]:
    stripped = cell.strip()
    lower = stripped.lower() if stripped.isascii() else stripped.decode("utf-8", "surrogateescape").lower()
    folded = lower if isinstance(lower, bytes) else lower.encode("utf-8", "surrogateescape")
    return (cell,) if cell == folded else dict.fromkeys((cell, stripped, folded))
