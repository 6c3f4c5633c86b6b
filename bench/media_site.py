"""Makes the site that ``bench/media.py`` measures: files, rows that name them, rich texts that name some more."""

from __future__ import annotations

import os
import random
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_A_DIRECTORY = 500
ORPHANS, BY_TEXT = 20, 100
"""Of so many files one is named by nothing, and one by a text alone."""
CONFIGURATION = """\
[app]
kind = "declared"
[databases.default]
url = "{url}"
[policy]
media_grace = "0"
allow_short_grace = true
[media.pub]
root = "media"
url = "/media/"
exact = ["photo.file"]
[log]
path = ""
"""
_ENGLISH = (
    "The yard keeper sweeps before anyone is awake. Nobody sees him work, and everybody would notice if he did not. "
    "What he takes away was left behind by others: boxes, leaves, last year's posters; what somebody may still come "
    "back for he puts aside and asks. See the rules at http://example.org/rules.html, version 2.1 of them. "
)
_RUSSIAN = (
    "Дворник метёт до того, как кто-нибудь проснётся. Его работы никто не видит, но все заметили бы, если бы её не "
    "было. Он уносит то, что оставили другие: ящики, листья, прошлогодние афиши и т.д.; то, за чем ещё могут "
    "вернуться, он откладывает и спрашивает. "
)


class Size(NamedTuple):
    """How much there is."""

    files: int
    rows: int
    texts: int
    length: int


def path_of(number: int) -> str:
    """Return the path of a file below the media root."""
    directory = number // IN_A_DIRECTORY
    key = number * 2654435761 % (1 << 32)
    return f"photos/{2005 + directory % 20}/{directory // 20:04d}/{key:08x}-holiday_{number}.jpg"


def files(root: Path, count: int) -> None:
    """Make the files, empty: what they hold is never read."""
    for first in range(0, count, IN_A_DIRECTORY):
        path = (root / path_of(first)).parent
        path.mkdir(parents=True, exist_ok=True)
        top = os.open(path, os.O_RDONLY)
        for number in range(first, min(first + IN_A_DIRECTORY, count)):
            name = path_of(number).rpartition("/")[2]
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=top))
        os.close(top)


def _rows(size: Size) -> Iterator[tuple[int, str]]:
    """Yield rows that each name a file; where a file is an orphan, or a text's, a neighbour's once more."""
    for number in range(size.rows):
        file = number % size.files
        yield number, path_of(file + 1 if file % ORPHANS == 0 or file % BY_TEXT == 1 else file)


def _texts(size: Size) -> Iterator[tuple[int, str]]:
    """Yield HTML of ``length`` bytes, half of it Russian, with the usual escapes and some links and pictures."""
    by_text = range(1, size.files, BY_TEXT)
    dice = random.Random(1)  # noqa: S311 - a bench
    for number in range(size.texts):
        parts: list[str] = []
        left = size.length
        picture = by_text[number % len(by_text)] if by_text else 0
        while left > 0:
            prose = _RUSSIAN if dice.random() < 0.5 else _ENGLISH  # noqa: PLR2004 - half of them
            start = dice.randrange(len(prose) - 40)
            part = f"<p>{prose[start:]}{prose[:start]}&nbsp;&mdash; <b>R&amp;D</b>, {dice.randrange(10**6)}</p>\n"
            if dice.random() < 0.2:  # noqa: PLR2004 - every fifth
                path = path_of(picture)
                part += (
                    f'<img src="/media/{path}?w=640&amp;h=480" alt="{number}"><a href="/news/2024/{number}/">more</a>\n'
                )
                picture = by_text[dice.randrange(len(by_text))] if by_text else 0
            parts.append(part)
            left -= len(part.encode())
        yield number, "".join(parts)


def fill_postgresql(url: str, size: Size) -> None:
    """Make and fill the tables."""
    with psycopg.connect(url, autocommit=True) as site:
        site.execute("CREATE TABLE photo (id int PRIMARY KEY, file varchar(200) NOT NULL)")
        site.execute("CREATE TABLE article (id int PRIMARY KEY, body text NOT NULL)")
        for table, lines in (("photo", _rows(size)), ("article", _texts(size))):
            with site.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for line in lines:
                    copy.write_row(line)
        site.execute("VACUUM ANALYZE photo, article")
        site.execute("CHECKPOINT")


def fill_sqlite(path: Path, size: Size) -> None:
    """Make and fill the tables."""
    site = sqlite3.connect(path)
    site.execute("CREATE TABLE photo (id integer PRIMARY KEY, file varchar(200) NOT NULL)")
    site.execute("CREATE TABLE article (id integer PRIMARY KEY, body text NOT NULL)")
    site.executemany("INSERT INTO photo VALUES (?, ?)", _rows(size))
    site.executemany("INSERT INTO article VALUES (?, ?)", _texts(size))
    site.commit()
    site.close()
