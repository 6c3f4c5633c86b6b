"""An archive of rows on a disk that fills: no row goes that was not kept, the run says so, and the next goes on."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from dvornik.databases import archives
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

SECTION = """
[rows.jobs]
table = "job"
column = "ended"
retention = "30d"
archive = "archive"
"""
ROWS = 12_000
KNOWINGLY = ("--allow", "rows-share")
"""All of them go, and the table was never cleaned before."""
ON_A_SMALL_DISK = """
mount -t tmpfs -o "size=$1" none archive; shift
code=0; "$@" || code=$?
cp -a archive/. kept
exit $code
"""
SPACE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
can_mount = pytest.mark.skipif(
    sys.platform != "linux" or subprocess.run([*SPACE, "true"], check=False, capture_output=True).returncode != 0,
    reason="needs a mount of its own",
)


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path / "app")
    made.configure(more=SECTION)
    made.sql("CREATE TABLE job (id INTEGER PRIMARY KEY, data TEXT, ended INTEGER)")
    ended = int(time.time() - 40 * DAY)
    made.sql("INSERT INTO job (data, ended) VALUES (?, ?)", *((os.urandom(200).hex(), ended) for _ in range(ROWS)))
    for name in ("archive", "kept"):
        (made.path / name).mkdir()
    return made


def jobs(site: SmallSite) -> dict[object, object]:
    with closing(sqlite3.connect(site.database)) as connection:
        return dict(connection.execute("SELECT id, data FROM job"))


def kept(site: SmallSite) -> dict[object, object]:
    files = [path for path, _header in archives.kept(str(site.path / "kept"))]
    return {row["id"]: row["data"] for path in files for rows in archives.batches(path) for row in rows}


@can_mount
@pytest.mark.parametrize("size", ["4k", "1m"])
def test_a_disk_that_is_full_or_fills_half_way_costs_no_row(site: SmallSite, size: str) -> None:
    before = jobs(site)
    run = [
        sys.executable,
        "-c",
        "from dvornik.cli.entry import dvornik; dvornik()",
        "run",
        "sessions",
        *KNOWINGLY,
        "--lang",
        "en",
    ]
    command = [*SPACE, "bash", "-eu", "-c", ON_A_SMALL_DISK, "bash", size, *run]
    ran = subprocess.run(command, cwd=site.path, capture_output=True, text=True, check=False)
    assert ran.returncode == 3, ran.stdout + ran.stderr
    assert "no space" in ran.stdout + ran.stderr
    left, safe = jobs(site), kept(site)
    assert len(left) == ROWS if size == "4k" else 0 < len(left) < ROWS
    assert left | safe == before
    assert not left.keys() & safe.keys()
    assert size != "4k" or not list((site.path / "kept").iterdir())


@can_mount
def test_the_run_after_a_full_disk_goes_on_and_undo_brings_back_what_both_took(site: SmallSite) -> None:
    before = jobs(site)
    run = [sys.executable, "-c", "from dvornik.cli.entry import dvornik; dvornik()", "run", "sessions", *KNOWINGLY]
    command = [*SPACE, "bash", "-eu", "-c", ON_A_SMALL_DISK, "bash", "1m", *run]
    assert subprocess.run(command, cwd=site.path, capture_output=True, check=False).returncode == 3
    (site.path / "archive").rmdir()
    (site.path / "kept").rename(site.path / "archive")
    ran = site.dvornik("run", "sessions")
    assert (ran.code, jobs(site)) == (0, {}), ran.out + ran.err
    assert [site.dvornik("undo").code for _run in range(2)] == [0, 0]
    assert jobs(site) == before
