"""What one upload makes in an application: its files, and the rows that the application writes of it."""

from __future__ import annotations

import hashlib
import string
import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

Row = tuple[str, "Mapping[str, object]"]
"""A table, and the values of its columns."""


class Upload(NamedTuple):
    """Files below the media directory, rows, and what text files hold."""

    files: Sequence[str]
    rows: Sequence[Row]
    texts: Mapping[str, str] = {}


_WORDS = [
    "summer", "winter", "holiday", "report", "invoice", "portrait", "garden", "bridge", "river", "letter", "minutes",
    "budget", "harbour", "meadow", "kitchen", "window", "ticket", "lecture", "station", "bakery", "museum", "village",
]  # fmt: skip


def words(draw: random.Random, mark: str = "-", most: int = 3) -> str:
    """Return a few words and a number, as people call their files."""
    return mark.join([*draw.sample(_WORDS, draw.randint(1, most)), str(draw.randint(1, 9999))])


def hexadecimal(draw: random.Random, length: int) -> str:
    """Return random digits."""
    return "".join(draw.choices("0123456789abcdef", k=length))


def letters(draw: random.Random, length: int, of: str = string.ascii_letters + string.digits) -> str:
    """Return random letters."""
    return "".join(draw.choices(of, k=length))


def guid(draw: random.Random) -> str:
    """Return a random UUID."""
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def md5(text: str) -> str:
    """Return a digest."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def sha1(text: str) -> str:
    """Return a digest."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def sha256(text: str) -> str:
    """Return a digest."""
    return hashlib.sha256(text.encode()).hexdigest()


def day(draw: random.Random) -> tuple[str, str, str]:
    """Return a year, a month and a day."""
    return str(draw.randint(2019, 2026)), f"{draw.randint(1, 12):02}", f"{draw.randint(1, 28):02}"
