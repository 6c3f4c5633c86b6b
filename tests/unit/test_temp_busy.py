"""What others need without having it open: where they work, and what is mounted elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self/cwd"), reason="no process tells where it works")  # noqa: PTH112
FILES = {"job/now.csv", "job/parts/later.csv", "other/old"}


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    site = SmallSite(tmp_path / "app")
    for name in FILES:
        site.file(f"tmp/{name}", age=9 * DAY)
    return site


@contextmanager
def working(code: str, path: Path) -> Iterator[None]:
    """Have a process work in a directory."""
    command = [sys.executable, "-c", f"import os\n{code}\nprint(flush=True)\ninput()"]
    with subprocess.Popen(command, cwd=path, stdin=-1, stdout=-1) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.communicate(b"\n")


def test_the_files_of_a_job_s_working_directory_stay_while_it_works(site: SmallSite) -> None:
    with working("", site.path / "tmp/job"):
        assert "open in a program" in site.dvornik("why", "tmp/job/parts/later.csv").out
        assert site.dvornik("run", "temp").code == 0
    assert site.files("tmp") == FILES - {"other/old"}
    site.dvornik("run", "temp")
    assert site.files("tmp") == set()


def test_an_empty_directory_that_somebody_works_in_stays(site: SmallSite) -> None:
    (site.path / "tmp/empty/inner").mkdir(parents=True)
    for name in ("empty/inner", "empty"):
        os.utime(site.path / "tmp" / name, (0, 0))
    with working("", site.path / "tmp/empty/inner"):
        site.dvornik("run", "temp")
    assert (site.path / "tmp/empty/inner").is_dir()


def test_a_directory_of_mkdtemp_stays_whole_while_somebody_works_anywhere_in_it(site: SmallSite) -> None:
    site.file("tmp/tmpabcd1234/input", age=9 * DAY)
    (site.path / "tmp/tmpabcd1234/empty").mkdir()
    for name in ("tmpabcd1234/empty", "tmpabcd1234"):
        os.utime(site.path / "tmp" / name, (0, 0))
    with working("", site.path / "tmp/tmpabcd1234/empty"):
        site.dvornik("run", "temp")
    assert site.files("tmp") == {"tmpabcd1234/input"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="chroot(2) is for root")
def test_the_files_of_a_jail_stay_while_somebody_is_in_it(site: SmallSite) -> None:
    with working("import encodings; os.chroot('.'); os.chdir('/')", site.path / "tmp/job"):
        site.dvornik("run", "temp")
    assert site.files("tmp") == FILES - {"other/old"}


def mounted(site: SmallSite, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run dvornik where something is mounted, which nobody else sees."""
    run = f"{sys.executable} -c 'from dvornik.cli.entry import dvornik; dvornik()' run temp"
    command = f"mount --make-rprivate / && mkdir shown && touch shown.txt && mount {' '.join(words)} && {run}"
    ran = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command], cwd=site.path, capture_output=True, check=False
    )
    if b"unshare" in ran.stderr or b"mount:" in ran.stderr:
        pytest.skip("nothing can be mounted here")
    return ran


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (("--bind", "tmp/job/parts", "shown"), {"job/parts/later.csv"}),
        (("--bind", "tmp/job/now.csv", "shown.txt"), {"job/now.csv"}),
        (("-t", "overlay", "none", "-o", "lowerdir=$PWD/tmp/job/parts:$PWD/own", "shown"), {"job/parts/later.csv"}),
    ],
)  # fmt: skip
def test_what_is_mounted_elsewhere_stays(site: SmallSite, words: tuple[str, ...], kept: set[str]) -> None:
    assert mounted(site, *words).returncode == 0
    assert site.files("tmp") == kept
