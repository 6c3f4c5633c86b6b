"""What happens to a file, a root or the process between the decisive calls of a deletion."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dvornik.errors import UnreachableError
from dvornik.model import Finding, Outcome, Reason
from dvornik.storages import directories
from dvornik.storages.local import LocalStorage
from tests.attack.grounds import environment

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.storages.directories import Directory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="leases, and limits of descriptors")

_CODE = "import sys; from dvornik.cli.entry import cleanup; cleanup(sys.argv[0])"


def discard(root: Path, name: str) -> Outcome:
    storage = LocalStorage("tmp", str(root))
    seen = storage.examine("", [name])
    return storage.discard(Finding("temp/old", "tmp", "", [name], [0], seen.times, seen.versions), "r1", keep=False)


@pytest.mark.parametrize("extension", [True, False])
def test_a_file_that_was_written_between_the_look_and_the_lease_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, extension: bool
) -> None:
    root = tmp_path / "tmp"
    root.mkdir()
    (root / "report.csv").write_text("old\n")
    os.utime(root / "report.csv", (1, 1))
    is_in_place = LocalStorage._is_in_place

    def in_place(self: LocalStorage, source: Directory) -> bool:
        claimed = tmp_path / ".dvornik-quarantine/tmp/claimed/r1/report.csv"
        if claimed.exists():  # as a write before the lease leaves it: nobody can write any more
            os.utime(claimed)
        return is_in_place(self, source)

    monkeypatch.setattr(LocalStorage, "_is_in_place", in_place)
    if not extension:
        monkeypatch.setattr(directories, "inner", None)
    outcome = discard(root, "report.csv")
    assert [miss.reason for miss in outcome.missed] == [Reason.CHANGED]
    assert (root / "report.csv").read_text() == "old\n"


def cleaning(app: Path, limit: str) -> subprocess.CompletedProcess[str]:
    """Clean up under a limit of the shell's."""
    (app / "dvornik.toml").write_text('[temp]\npaths = ["tmp"]\nage_by = "mtime"\n')
    command = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh", sys.executable, "-c", _CODE]
    return subprocess.run(
        [*command, "--temp-only", "--lang", "en"],
        cwd=app,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An application with a few hundred old files."""
    (tmp_path / "app/tmp").mkdir(parents=True)
    for number in range(300):
        path = tmp_path / f"app/tmp/f{number}"
        path.write_text("old")
        os.utime(path, (1, 1))
    return tmp_path / "app"


@pytest.mark.parametrize("descriptors", [64, 32])
def test_few_descriptors_stop_no_cleanup(app: Path, descriptors: int) -> None:
    done = cleaning(app, f"-n {descriptors}")
    assert (done.returncode, done.stderr) == (0, "")
    assert not list((app / "tmp").iterdir())


@pytest.mark.parametrize("blocks", [0, 8])
def test_a_plan_that_cannot_be_written_to_its_end_stops_no_cleanup(app: Path, blocks: int) -> None:
    done = cleaning(app, f"-f {blocks}")
    assert "Traceback" not in done.stderr
    assert "Removed 300 temporary files" in done.stdout
    assert not list((app / "tmp").iterdir())


def test_a_quarantine_that_is_a_link_to_elsewhere_is_refused(app: Path) -> None:
    (app / ".dvornik-quarantine").mkdir(0o700)
    (app / "precious/claimed/run").mkdir(parents=True, mode=0o700)
    (app / "precious/claimed/run/f").write_text("needed")
    (app / ".dvornik-quarantine/tmp").symlink_to(app / "precious")
    done = cleaning(app, "-n 1024")
    assert done.returncode == 12
    assert "quarantine is not ours alone" in done.stdout + done.stderr
    assert (app / "precious/claimed/run/f").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has links of others in its way")
def test_a_state_that_is_a_link_of_somebody_else_is_refused(app: Path) -> None:
    (app / "precious/plans").mkdir(parents=True, mode=0o700)
    (app / "precious").chmod(0o700)
    (app / "precious/plans/thesis.txt").write_text("needed")
    os.utime(app / "precious/plans/thesis.txt", (1, 1))
    (app / ".dvornik").symlink_to(app / "precious")
    os.lchown(app / ".dvornik", 65534, 65534)
    assert cleaning(app, "-n 1024").returncode == 1
    assert (app / "precious/plans/thesis.txt").exists()


def test_a_root_that_vanishes_after_it_was_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    storage = LocalStorage("tmp", str(tmp_path / "tmp"))
    list(storage.walk(with_times=True))
    (tmp_path / "tmp").rename(tmp_path / "elsewhere")
    with pytest.raises(UnreachableError):
        storage.fingerprint()
