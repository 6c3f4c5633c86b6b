"""Directories made for one job, and files that belong together: whole or not at all, while scanned and while taken."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from dvornik.collectors.generated import is_generated
from dvornik.collectors.temp import EMPTY, Temp
from dvornik.config import TempSection
from dvornik.model import Finding, Held, Reason
from dvornik.storages.local import LocalStorage
from tests.unit.small_site import DAY, SmallSite
from tests.unit.test_temp import clean, directory, found, held, scan, temp

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.storages.directories import Directory

MADE_UP = [
    "tmpab12cd34", "_MEIab12Cd", "tmp.AbCdEfGhIj", "pip-install-a1b2c3d4", ".org.chromium.Chromium.AbCdEf",
    "rust_mozprofileAbCx1", "12345", "scoped_dir1234_5678", "d20240101-1234-abcdef",
    "jetty-0_0_0_0-8080-root_war-_-any-1234567890", "go-build123456", "Rtmpa1B2c3",
    "blockmgr-8f3a2b1c-1111-2222-3333-444455556666", "cargo-installAbCdEf", "ssh-XyZabc123",
    "session_2024-01-01_00-00-00_123456_1", "deadbeefdeadbeef", "8f3a2b", "job-42", "job42x9", "unpack_qzxvkw",
    "passenger.AbCdEf", "export-20260131-101500", ".mount_AppNamkQzXy1",
]  # fmt: skip
SHARED = [
    "uploads", "uploads_tmp", "cache", "cache2", "2024", "2024-01-01", "20240101", "01", "ab", "a1", "v2", "chunks",
    "old", "job", "work", "docs", "pictures", "thumbnails", "sessions", "nginx-proxy", "client_body_temp",
    "matplotlib", "node_modules", "LibreOffice", "RackMultipart", "MyApp", "javascript", "profile", "d0", "d123",
    "dir00012", "export-2024-01-01", "lo_profile", "user-uploads", "fontconfig", "iOS", "загрузки", "временные-файлы",
    "007", "hsperfdata_root",
]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    return SmallSite(tmp_path / "app")


@pytest.mark.parametrize("name", MADE_UP)
def test_a_name_that_a_program_made_up_is_known_by_its_shape(name: str) -> None:
    assert is_generated(name)


@pytest.mark.parametrize("name", SHARED)
def test_a_name_that_many_share_is_none(name: str) -> None:
    assert not is_generated(name)


def job(site: SmallSite, name: str = "_MEIab12Cd") -> Path:
    """Leave the directory of one job, all of it old; return it."""
    for inner in ("lib.so", "deep/data.zip", "deep/more/x.pem"):
        site.file(f"tmp/{name}/{inner}", age=5 * DAY)
    for inner in ("deep/more", "deep", ""):
        path = directory(site, f"{name}/{inner}", 5 * DAY)
    return path


@pytest.mark.parametrize("name", MADE_UP)
def test_a_fresh_file_holds_all_of_its_job_s_directory_and_none_of_another(site: SmallSite, name: str) -> None:
    job(site, name)
    job(site, "x-qKzWv7")
    site.file(f"tmp/{name}/deep/fresh")
    assert all(path.startswith("x-qKzWv7/") for path in found(scan(temp(site))))
    assert held(scan(temp(site)))[f"{name}/lib.so"] is Reason.GROUP


def test_a_directory_that_many_share_does_not_wait_for_its_fresh_files(site: SmallSite) -> None:
    job(site, "uploads")
    site.file("tmp/uploads/fresh.jpg")
    assert found(scan(temp(site))) == {"uploads/lib.so", "uploads/deep/data.zip", "uploads/deep/more/x.pem"}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no process tells what it has open")  # noqa: PTH112
@pytest.mark.parametrize("how", ["open", "mapped", "directory", "socket", "pid"])
def test_whatever_a_program_uses_of_a_job_s_directory_holds_all_of_it(site: SmallSite, how: str) -> None:
    path = job(site)
    job(site, "_MEIzz99Yy")
    codes = {
        "open": "file = open('deep/data.zip')",
        "mapped": "import mmap; file = open('lib.so', 'r+b'); kept = mmap.mmap(file.fileno(), 0); file.close()",
        "directory": "kept = os.open('deep', os.O_RDONLY)",
        "socket": "import socket; kept = socket.socket(socket.AF_UNIX); kept.bind(os.environ['AT'])",
        "pid": "open('server.pid', 'w').write(str(os.getpid())); os.utime('server.pid', (0, 0))",
    }
    code = f"import os\n{codes[how]}\nos.chdir('/')\nprint(flush=True)\ninput()"
    environment = {**os.environ, "AT": str(path / "s")}
    with subprocess.Popen([sys.executable, "-c", code], cwd=path, env=environment, stdin=-1, stdout=-1) as process:
        assert process.stdout
        process.stdout.readline()
        for inner in ("deep", ""):
            directory(site, f"_MEIab12Cd/{inner}", 5 * DAY)
        lines = scan(temp(site))
        process.communicate(b"\n")
    assert {name.partition("/")[0] for name in found(lines)} == {"_MEIzz99Yy"}
    assert held(lines)["_MEIab12Cd/deep/more/x.pem"] is Reason.GROUP


def planned(collector: Temp) -> list[Finding]:
    return [line for line in scan(collector) if isinstance(line, Finding)]


@pytest.mark.parametrize("how", ["script", "argument", "environment"])
def test_what_a_living_program_was_told_of_stays_though_nothing_of_it_is_open(site: SmallSite, how: str) -> None:
    """An interpreter closes its script; a browser opens its profile again and again."""
    script = job(site) / "deep/data.zip"
    script.write_text("import sys; sys.stdin.read()")
    os.utime(script, (5 * DAY, 5 * DAY))
    waits = ["-c", "import sys; sys.stdin.read()"]
    words = {"script": [str(script)], "argument": [*waits, f"--profile={script.parent}/"], "environment": waits}[how]
    env = os.environ | ({"TMPDIR": str(script.parent)} if how == "environment" else {})
    command = [sys.executable, *words]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, cwd="/") as program:
        assert program.stdin
        assert found(scan(temp(site))) == set()
        program.stdin.close()
    assert len(found(scan(temp(site)))) == 3


def test_a_shared_directory_that_a_program_was_told_of_is_cleaned_all_the_same(site: SmallSite) -> None:
    site.file("tmp/uploads/old", age=5 * DAY)
    named = site.file("tmp/uploads/named", age=5 * DAY)
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", str(named)]
    env = os.environ | {"UPLOADS": str(named.parent)}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, cwd="/") as program:
        assert program.stdin
        assert found(scan(temp(site))) == {"uploads/old"}
        program.stdin.close()


def test_a_job_s_directory_is_one_finding_and_goes_with_its_directories(site: SmallSite) -> None:
    job(site)
    collector = temp(site)
    files, *directories = planned(collector)
    assert (files.container, set(files.names)) == ("_MEIab12Cd", {"lib.so", "deep/data.zip", "deep/more/x.pem"})
    assert {line.rule for line in directories} == {EMPTY}
    clean(temp(site))
    assert list((site.path / "tmp").iterdir()) == []
    assert not (site.path / ".dvornik-quarantine").exists()


@pytest.mark.parametrize("what", ["opened", "mapped", "changed", "gone", "new", "new below", "linked"])
def test_what_happens_in_it_after_the_scan_keeps_all_of_it(site: SmallSite, what: str) -> None:
    path = job(site)
    collector = temp(site)
    (files, *_directories) = planned(collector)
    before = site.files("tmp")
    held = ExitStack()
    if what == "opened":
        held.enter_context((path / "deep/more/x.pem").open())
    elif what == "mapped":
        with (path / "lib.so").open("r+b") as file:
            held.enter_context(mmap.mmap(file.fileno(), 0))
    elif what == "changed":
        (path / "deep/data.zip").write_text("in use again")
    elif what == "gone":
        (path / "deep/data.zip").unlink()
        before -= {"_MEIab12Cd/deep/data.zip"}
    elif what == "linked":
        (path / "link").symlink_to("lib.so")
    else:
        new = "deep/new" if what == "new below" else "new"
        site.file(f"tmp/_MEIab12Cd/{new}")
        before |= {f"_MEIab12Cd/{new}"}
    with held:
        outcome = collector.apply(files, "run")
    collector.tidy()
    assert (outcome.done, outcome.freed, len(outcome.missed)) == (0, 0, 3)
    assert site.files("tmp") == before | ({"_MEIab12Cd/link"} if what == "linked" else set())


def test_one_that_is_opened_while_the_others_are_claimed_brings_all_of_them_back(site: SmallSite) -> None:
    path = job(site)
    storage = Latecomer("tmp", str(site.path / "tmp"), path / "deep/more/x.pem")
    collector = Temp({"tmp": storage}, TempSection(age_by="mtime"))
    (files, *_directories) = planned(collector)
    before = {name: (site.path / "tmp" / name).read_bytes() for name in site.files("tmp")}
    with storage.came:
        outcome = collector.apply(files, "run")
        assert storage.has_come
    collector.tidy()
    assert {miss.name: miss.reason for miss in outcome.missed}["lib.so"] is Reason.GROUP
    assert {name: (site.path / "tmp" / name).read_bytes() for name in site.files("tmp")} == before


class Latecomer(LocalStorage):
    """A storage beside which a program opens a file once the first one is claimed."""

    def __init__(self, place: str, root: str, path: Path) -> None:
        """Take what is opened."""
        super().__init__(place, root)
        self._late = path
        self.came = ExitStack()
        self.has_come = False

    def _remember(self, directory: Directory) -> None:
        super()._remember(directory)
        if not self.has_come:
            self.came.enter_context(self._late.open())
            self.has_come = True


def test_what_a_killed_run_claimed_of_a_directory_goes_back_whole(site: SmallSite) -> None:
    job(site)
    before = site.files("tmp")
    code = (
        "import os; from dvornik.storages import whole; whole._Taking.delete = lambda self: os._exit(9)\n"
        "from dvornik.cli.entry import dvornik; dvornik()"
    )
    assert subprocess.run([sys.executable, "-c", code, "run", "temp"], cwd=site.path, check=False).returncode == 9
    assert site.files("tmp") == set()
    with site.engine("temp") as engine:
        assert sum(outcome.done for outcome in engine.recover()) == 3
    assert site.files("tmp") == before


def test_a_program_s_directory_with_a_plain_name_stays_while_it_has_an_old_file_of_it_open(site: SmallSite) -> None:
    job(site, "profile")
    job(site, "other")
    with subprocess.Popen(
        [sys.executable, "-c", "file = open('lib.so')\nimport os; os.chdir('/'); print(flush=True)\ninput()"],
        cwd=site.path / "tmp/profile",
        stdin=-1,
        stdout=-1,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        lines = scan(temp(site))
        process.communicate(b"\n")
    assert {name.partition("/")[0] for name in found(lines)} == {"other"}
    assert held(lines)["profile/deep/data.zip"] is Reason.OPEN


def test_a_description_stays_while_the_directory_of_its_pieces_is_fresh(site: SmallSite) -> None:
    site.file("tmp/u/9f2c1b7a.json", age=3 * DAY)
    site.file("tmp/u/9f2c1b7a/1")
    site.file("tmp/u/aa11bb22.json", age=3 * DAY)
    site.file("tmp/u/aa11bb22/1", age=3 * DAY)
    directory(site, "u/aa11bb22", 3 * DAY)
    lines = scan(temp(site))
    assert found(lines) == {"u/aa11bb22.json", "u/aa11bb22/1"}
    assert held(lines)["u/9f2c1b7a.json"] is Reason.GROUP


def test_the_pieces_in_a_directory_stay_while_their_description_is_fresh(site: SmallSite) -> None:
    site.file("tmp/u/film.mp4.meta")
    site.file("tmp/u/film.mp4/chunk-1", age=3 * DAY)
    site.file("tmp/u/song/chunk-1", age=3 * DAY)
    assert found(scan(temp(site))) == {"u/song/chunk-1"}


def test_locks_stay_and_so_do_empty_directories_that_are_locks(site: SmallSite) -> None:
    for name in ("app.lock", ".lock", "sync.lck", "import-lock/owner", "x.lock.d/host"):
        site.file(f"tmp/{name}", age=3 * DAY)
    site.file("tmp/clock.png", age=3 * DAY)
    for name in ("nightly.lock", "backup_running", "lock", "plain"):
        directory(site, name, 3 * DAY)
    lines = scan(temp(site))
    assert found(lines) == {"clock.png"}
    assert found(lines, EMPTY) == {"plain"}


@pytest.mark.parametrize(("process", "goes"), [("living", False), ("dead", True)])
def test_a_job_s_directory_stays_while_the_process_that_its_lock_names_lives(
    site: SmallSite, process: str, *, goes: bool
) -> None:
    job(site)
    number = os.getppid() if process == "living" else 2**22 + 1
    site.file("tmp/_MEIab12Cd/.lock", age=5 * DAY, body=b"%d\n" % number)
    directory(site, "_MEIab12Cd", 5 * DAY)
    assert bool(found(scan(temp(site)))) is goes


def test_a_directory_with_more_files_than_are_remembered_is_judged_by_all_of_its_names(
    site: SmallSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dvornik.collectors.temp._MOST", 20)
    for number in range(50):
        site.file(f"tmp/big/{os.urandom(9).hex()}.tmp", age=3 * DAY)
        site.file(f"tmp/big/film.mp4-{number}.part", age=3 * DAY)
    site.file("tmp/big/film.mp4-50.part")
    lines = scan(temp(site))
    assert len(found(lines)) == 50
    assert sum(line.count for line in lines if isinstance(line, Held) and line.reason is Reason.GROUP) == 50


def test_a_run_leaves_an_unpacked_program_whole_and_takes_one_that_ended(site: SmallSite) -> None:
    for name in ("_MEIab12Cd", "tmpab12cd34", "_MEIzz99Yy", "tmpzz99yy88"):
        job(site, name)
    with (site.path / "tmp/_MEIab12Cd/lib.so").open(), (site.path / "tmp/tmpab12cd34/deep/data.zip").open():
        assert site.dvornik("run", "temp").code == 0
    assert {name.partition("/")[0] for name in site.files("tmp")} == {"_MEIab12Cd", "tmpab12cd34"}
    assert len(site.files("tmp")) == 6
    assert site.dvornik("run", "temp").code == 0
    assert site.files("tmp") == set()


def test_a_run_leaves_the_pieces_of_an_upload_that_goes_on(site: SmallSite) -> None:
    for name in ("chunks/film-a1b2.mp4-0.part", "chunks/film-a1b2.mp4-1.part", "old/tape-c3d4.mp4-0.part"):
        site.file(f"tmp/{name}", age=2 * DAY)
    site.file("tmp/chunks/film-a1b2.mp4-2.part", age=60)
    assert site.dvornik("run", "temp").code == 0
    assert site.files("tmp") == {f"chunks/film-a1b2.mp4-{number}.part" for number in range(3)}
