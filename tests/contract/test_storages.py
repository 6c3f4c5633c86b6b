"""What every kind of storage promises: here a directory by descriptors, and by path as on Windows."""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from dvornik.contracts.storage import Batch, Left
from dvornik.errors import LockedError, UnreachableError
from dvornik.model import Finding, Miss, Reason
from dvornik.storages import directories
from dvornik.storages.directories import Descriptor
from dvornik.storages.directories import Path as ByPath
from dvornik.storages.local import LocalStorage
from dvornik.storages.quarantine import CLAIMED, KEPT, NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dvornik.model import Outcome
    from dvornik.storages.directories import Directory

RUN = "20260101T000000Z-abcd"
ROOT = os.geteuid() == 0


@pytest.fixture(params=["extension", "descriptors", "path"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the storage be the one in C, its reference in Python, and the one without descriptors."""
    if request.param == "extension" and not directories.inner:
        pytest.skip("no compiler built the extension")
    if request.param == "descriptors":
        monkeypatch.setattr(directories, "inner", None)
    if request.param == "path":
        monkeypatch.setenv("DVORNIK_NO_DESCRIPTORS", "1")
    return str(request.param)


@pytest.fixture
def tree(tmp_path: Path, kind: str) -> Path:
    root = tmp_path / "tmp"
    (root / "a").mkdir(parents=True)
    for name in ("one", "two", "a/three"):
        path = root / name
        path.write_text(path.name * 10)
    return root


@pytest.fixture
def storage(tree: Path) -> Iterator[LocalStorage]:
    made = LocalStorage("tmp", str(tree))
    yield made
    made.tidy()


def batches(storage: LocalStorage) -> dict[str, Batch]:
    """Return the batches that hold anything, by container."""
    steps = [step for step in storage.walk(with_times=True) if isinstance(step, Batch)]
    return {step.container: step for step in steps if step.names or step.others}


def finding(batch: Batch) -> Finding:
    return Finding("temp/old", "tmp", batch.container, batch.names, batch.sizes, batch.times, batch.versions)


def discard(storage: LocalStorage, batch: Batch, *, keep: bool = False) -> Outcome:
    return storage.discard(finding(batch), RUN, keep=keep)


def reasons(outcome: Outcome) -> dict[str, Reason]:
    return {miss.name: miss.reason for miss in outcome.missed}


def others(storage: LocalStorage) -> dict[str, Reason]:
    return {miss.name: miss.reason for batch in batches(storage).values() for miss in batch.others}


# listing


def test_every_regular_file_is_listed_with_its_columns(storage: LocalStorage, tree: Path) -> None:
    found = batches(storage)
    assert {c: sorted(b.names) for c, b in found.items()} == {"": ["one", "two"], "a": ["three"]}
    state = (tree / "a/three").stat()
    assert found["a"].times == (max(state.st_mtime_ns, state.st_ctime_ns),)
    assert found["a"].sizes == (state.st_blocks * 512,)


def test_a_directory_is_left_after_all_below_it(storage: LocalStorage) -> None:
    steps = [(type(step).__name__, step.container) for step in storage.walk(with_times=False)]
    assert steps == [("Batch", ""), ("Batch", "a"), ("Left", "a"), ("Left", "")]


def test_what_is_no_regular_file_is_named_and_never_opened(storage: LocalStorage, tree: Path) -> None:
    (tree / "out").symlink_to("/etc")
    (tree / "broken").symlink_to("nowhere")
    os.mkfifo(tree / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{os.open(tree, os.O_RDONLY)}/sock")
    expected = {"out": Reason.SYMLINK, "broken": Reason.SYMLINK, "fifo": Reason.SPECIAL, "sock": Reason.SPECIAL}
    assert others(storage) == expected


def test_a_file_swapped_for_a_fifo_is_not_opened(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    (tree / "a/three").unlink()
    os.mkfifo(tree / "a/three")
    assert reasons(discard(storage, batch)) == {"three": Reason.CHANGED}
    assert stat.S_ISFIFO((tree / "a/three").stat().st_mode)


def test_examining_tells_what_is_there_now(storage: LocalStorage, tree: Path) -> None:
    (tree / "link").symlink_to("one")
    seen = storage.examine("", ["one", "gone", "link"])
    assert list(seen.names) == ["one"]
    assert {miss.name: miss.reason for miss in seen.others} == {"gone": Reason.GONE, "link": Reason.CHANGED}


def test_a_path_is_located_by_where_it_leads(storage: LocalStorage, tree: Path) -> None:
    assert storage.locate(str(tree / "a/three")) == ("a", "three")
    assert storage.locate(str(tree / "one")) == ("", "one")
    assert storage.locate(str(tree.parent / "tmp2/one")) is None


@pytest.mark.parametrize(
    "name", [b"new\nline", b"\xff\xfe.tmp", b"x" * 255, "пробел и ё".encode(), b"-rf", b"\x1b[31m"]
)
def test_names_of_any_bytes_come_and_go(storage: LocalStorage, tree: Path, name: bytes) -> None:
    path = tree / "a" / os.fsdecode(name)
    path.write_text("x")
    assert os.fsdecode(name) in batches(storage)["a"].names
    discard(storage, batches(storage)["a"], keep=True)
    list(storage.restore(RUN))
    assert path.exists()
    discard(storage, batches(storage)["a"])
    assert not path.exists()


def test_a_large_directory_comes_in_bounded_batches(storage: LocalStorage, tree: Path, kind: str) -> None:
    count = 100_000 if kind == "extension" else 5_000  # the others make no difference, and take their time
    for number in range(count):
        (tree / "a" / f"f{number}").touch()
    listed = [step for step in storage.walk(with_times=True) if isinstance(step, Batch)]
    assert sum(len(batch.names) for batch in listed) == count + 3
    assert max(len(batch.names) for batch in listed) <= 4096
    assert sum(discard(storage, batch).done for batch in listed if batch.names) == count + 3


# taking away


def test_what_was_seen_goes(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    outcome = discard(storage, batch)
    assert (outcome.done, outcome.freed, outcome.missed) == (1, sum(batch.sizes), [])
    assert not (tree / "a/three").exists()


def test_what_is_kept_can_be_brought_back(storage: LocalStorage, tree: Path) -> None:
    outcome = discard(storage, batches(storage)["a"], keep=True)
    assert (outcome.done, outcome.freed) == (1, 0)
    assert outcome.set_aside > 0
    assert [(run, list(batch.names)) for run, batch in storage.quarantined()] == [(RUN, ["three"])]
    (restored,) = storage.restore(RUN)
    assert (restored.done, restored.set_aside) == (1, -outcome.set_aside)
    assert (tree / "a/three").read_text() == "three" * 10


def grow(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def rewrite(path: Path) -> None:
    state = path.stat()
    path.write_text(path.read_text().upper())
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def replace(path: Path) -> None:
    fresh = path.with_name("fresh")
    fresh.write_text("fresh")
    fresh.rename(path)


def touch(path: Path) -> None:
    os.utime(path)


@pytest.mark.parametrize("change", [grow, rewrite, replace, touch])
def test_a_file_that_changed_after_the_scan_is_left_alone(
    storage: LocalStorage, tree: Path, change: Callable[[Path], None]
) -> None:
    batch = batches(storage)["a"]
    change(tree / "a/three")
    now = (tree / "a/three").read_bytes(), (tree / "a/three").stat()
    assert reasons(discard(storage, batch)) == {"three": Reason.CHANGED}
    assert ((tree / "a/three").read_bytes(), (tree / "a/three").stat().st_ctime_ns) == (now[0], now[1].st_ctime_ns)


def test_a_file_replaced_between_the_look_and_the_claim_returns(
    storage: LocalStorage, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches(storage)["a"]
    before_claiming(monkeypatch, lambda: replace(tree / "a/three"))
    assert reasons(discard(storage, batch)) == {"three": Reason.CHANGED}
    assert (tree / "a/three").read_text() == "fresh"


def test_a_copy_with_the_same_size_time_and_inode_number_returns(
    storage: LocalStorage, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches(storage)["a"]
    path = tree / "a/three"

    def copy() -> None:
        state = path.stat()
        path.unlink()
        path.write_text("THREE" * 10)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    before_claiming(monkeypatch, copy)
    assert reasons(discard(storage, batch)) == {"three": Reason.CHANGED}
    assert path.read_text() == "THREE" * 10


def test_a_name_taken_meanwhile_is_not_overwritten_and_both_files_stay(
    storage: LocalStorage, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches(storage)["a"]
    path = tree / "a/three"
    before_claiming(monkeypatch, lambda: replace(path), then=lambda: path.write_text("newer"))
    (miss,) = discard(storage, batch).missed
    assert (miss.reason, path.read_text()) == (Reason.TAKEN, "newer")
    storage.tidy()
    assert [(run, list(kept.names)) for run, kept in storage.quarantined()] == [(RUN, ["three"])]
    assert (tree.parent / NAME / "tmp" / KEPT / RUN / "a/three").read_text() == "fresh"


def before_claiming(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], then: Callable[[], object] = lambda: None
) -> None:
    """Act in the gap between the last look at a file and its claim, and once more right after.

    That gap is reached in Python alone: of the extension, the shim of the attack tests opens it.
    """
    monkeypatch.setattr(directories, "inner", None)
    for kind in (Descriptor, ByPath):

        def late(
            self: Directory, name: str, private: Directory, new_name: str, claim: Callable[..., None] = kind.claim
        ) -> None:
            act()
            claim(self, name, private, new_name)
            then()

        monkeypatch.setattr(kind, "claim", late)


def test_a_directory_moved_out_after_the_scan_keeps_its_files(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    (tree / "a").rename(tree.parent / "out")
    assert reasons(discard(storage, batch)) == {"three": Reason.GONE}
    assert (tree.parent / "out/three").exists()


def test_a_directory_moved_out_while_its_files_are_claimed_gets_them_back(
    storage: LocalStorage, tree: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = batches(storage)["a"]
    before_claiming(monkeypatch, lambda: None, then=lambda: (tree / "a").rename(tree.parent / "out"))
    (miss,) = discard(storage, batch).missed
    if kind != "path":
        assert miss.reason is Reason.MOVED
        assert (tree.parent / "out/three").exists()
    else:  # nowhere to return to is known: it is where the directory was, or set aside
        kept = tree.parent / NAME / "tmp" / KEPT / RUN / "a/three"
        assert kept.exists() or (tree / "a/three").exists()


def test_a_root_that_was_swapped_is_left_alone(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    tree.rename(tree.parent / "old")
    (tree / "a").mkdir(parents=True)
    (tree / "a/three").write_text("another")
    outcome = discard(storage, batch)
    assert outcome.done == 0
    assert (tree.parent / "old/a/three").exists()
    assert (tree / "a/three").read_text() == "another"


def test_a_directory_that_became_a_symlink_is_not_followed(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    (tree / "a").rename(tree.parent / "victim")
    (tree / "a").symlink_to(tree.parent / "victim")
    assert discard(storage, batch).done == 0
    assert (tree.parent / "victim/three").exists()


def test_an_open_file_stays(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    with (tree / "a/three").open():
        assert reasons(discard(storage, batch)) == {"three": Reason.OPEN}
    assert (tree / "a/three").exists()


def test_a_mapped_file_stays(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    with (tree / "a/three").open("rb") as file:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    assert reasons(discard(storage, batch)) == {"three": Reason.OPEN}
    mapping.close()


def test_a_locked_file_stays(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    with (tree / "a/three").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert reasons(discard(storage, batch)) == {"three": Reason.OPEN}


def test_all_names_of_a_file_go_and_the_last_gives_its_bytes_back(storage: LocalStorage, tree: Path) -> None:
    for number in range(5):
        os.link(tree / "a/three", tree / f"a/link{number}")
    os.link(tree / "a/three", tree / "four")
    size = (tree / "one").stat().st_blocks * 512
    outcomes = [discard(storage, batch) for batch in batches(storage).values()]
    assert [reasons(outcome) for outcome in outcomes] == [{}, {}]
    assert [outcome.done for outcome in outcomes] == [3, 6]
    assert sum(outcome.freed for outcome in outcomes) == 3 * size
    assert [path.name for path in tree.rglob("*")] == ["a"]


def test_all_names_of_a_file_wait_together_and_come_back_or_go(storage: LocalStorage, tree: Path) -> None:
    os.link(tree / "a/three", tree / "a/link")
    size = (tree / "a/three").stat().st_blocks * 512
    assert discard(storage, batches(storage)["a"], keep=True).done == 2
    assert [outcome.done for outcome in storage.restore(RUN)] == [2]
    assert (tree / "a/three").samefile(tree / "a/link")
    assert discard(storage, batches(storage)["a"], keep=True).done == 2
    assert [(outcome.done, outcome.freed) for outcome in storage.purge(RUN)] == [(2, size)]


def test_names_of_one_file_in_many_directories_go_at_the_same_time(storage: LocalStorage, tree: Path) -> None:
    for number in range(40):
        (tree / f"d{number}").mkdir()
        for each in range(5):
            os.link(tree / "a/three", tree / f"d{number}/{each}")
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda batch: discard(storage, batch), batches(storage).values()))
    assert [outcome.missed for outcome in outcomes if outcome.missed] == []
    assert not [path for path in tree.rglob("*") if path.is_file()]


def test_a_file_with_two_names_that_somebody_else_changed_stays(storage: LocalStorage, tree: Path) -> None:
    os.link(tree / "a/three", tree / "four")
    seen = batches(storage)
    assert discard(storage, seen[""]).done == 3
    (tree / "a/three").chmod(0o600)
    assert reasons(discard(storage, seen["a"])) == {"three": Reason.CHANGED}
    assert (tree / "a/three").read_text() == "three" * 10


def test_of_hard_links_only_the_last_counts_as_freed(storage: LocalStorage, tree: Path) -> None:
    os.link(tree / "a/three", tree.parent / "elsewhere")
    batch = batches(storage)["a"]
    outcome = discard(storage, batch)
    assert (batch.sizes, outcome.done, outcome.freed) == ((0,), 1, 0)
    assert (tree.parent / "elsewhere").read_text() == "three" * 10


def test_a_plan_cannot_name_anything_elsewhere(storage: LocalStorage, tree: Path) -> None:
    (tree.parent / "victim").write_text("needed")
    for container, name in (("", "../victim"), ("..", "victim"), ("a/../..", "victim"), (str(tree.parent), "victim")):
        state = (tree.parent / "victim").stat()
        version = f"{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"
        outcome = storage.discard(Finding("temp/old", "tmp", container, [name], [0], [0], [version]), RUN, keep=False)
        assert outcome.done == 0
    assert (tree.parent / "victim").exists()


def test_what_is_interrupted_gives_back_what_it_had_claimed(
    storage: LocalStorage, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: object, source: object) -> bool:
        if not (tree / "one").exists():
            raise KeyboardInterrupt
        return True

    batch = batches(storage)[""]
    monkeypatch.setattr(LocalStorage, "_is_in_place", interrupted)
    with pytest.raises(KeyboardInterrupt):
        discard(storage, batch)
    assert sorted(path.name for path in tree.iterdir()) == ["a", "one", "two"]


def test_nothing_is_left_behind(storage: LocalStorage, tree: Path) -> None:
    for batch in batches(storage).values():
        discard(storage, batch)
    storage.tidy()
    assert [path.name for path in tree.parent.iterdir()] == ["tmp"]
    assert [path.name for path in tree.iterdir()] == ["a"]


# directories


def prune(storage: LocalStorage, name: str) -> Outcome:
    left = {step.container: step for step in storage.walk(with_times=True) if isinstance(step, Left)}[name]
    return storage.prune(Finding("temp/empty-directory", "tmp", "", [name], [0], [left.time], [left.version]))


def test_an_empty_directory_goes_and_a_full_one_stays(storage: LocalStorage, tree: Path) -> None:
    (tree / "empty").mkdir()
    assert prune(storage, "empty").done == 1
    assert reasons(prune(storage, "a")) == {"a": Reason.NOT_EMPTY}
    assert (tree / "a/three").exists()


def test_a_directory_that_we_emptied_goes(storage: LocalStorage, tree: Path) -> None:
    left = next(step for step in storage.walk(with_times=True) if isinstance(step, Left))
    discard(storage, batches(storage)["a"])
    outcome = storage.prune(Finding("temp/empty-directory", "tmp", "", ["a"], [0], [left.time], [left.version]))
    assert outcome.done == 1


def test_a_directory_made_anew_under_the_same_name_stays(storage: LocalStorage, tree: Path) -> None:
    (tree / "empty").mkdir()
    left = {step.container: step for step in storage.walk(with_times=True) if isinstance(step, Left)}["empty"]
    (tree / "empty").rmdir()
    (tree / "empty").mkdir()
    outcome = storage.prune(Finding("temp/empty-directory", "tmp", "", ["empty"], [0], [left.time], [left.version]))
    assert reasons(outcome) == {"empty": Reason.CHANGED}


def test_a_directory_that_somebody_used_after_we_emptied_it_stays(storage: LocalStorage, tree: Path) -> None:
    left = next(step for step in storage.walk(with_times=True) if isinstance(step, Left))
    discard(storage, batches(storage)["a"])
    time.sleep(0.02)
    (tree / "a/job").write_text("")
    (tree / "a/job").unlink()
    outcome = storage.prune(Finding("temp/empty-directory", "tmp", "", ["a"], [0], [left.time], [left.version]))
    assert reasons(outcome) == {"a": Reason.CHANGED}


# quarantine


def test_restoring_brings_back_bytes_mode_times_and_attributes(storage: LocalStorage, tree: Path) -> None:
    path = tree / "a/three"
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 7))
    with_attributes = hasattr(os, "setxattr")
    try:
        os.setxattr(path, "user.origin", b"upload")
    except OSError:
        with_attributes = False
    if ROOT:
        os.chown(path, 1234, 4321)
    before = path.stat()
    discard(storage, batches(storage)["a"], keep=True)
    assert not path.exists()
    list(storage.restore(RUN))
    after = path.stat()
    for field in ("st_ino", "st_mode", "st_uid", "st_gid", "st_size", "st_mtime_ns"):
        assert getattr(after, field) == getattr(before, field)
    assert not with_attributes or os.getxattr(path, "user.origin") == b"upload"


def test_restoring_never_overwrites(storage: LocalStorage, tree: Path) -> None:
    discard(storage, batches(storage)["a"], keep=True)
    (tree / "a/three").write_text("newer")
    (outcome,) = storage.restore(RUN)
    assert reasons(outcome) == {"three": Reason.TAKEN}
    assert (tree / "a/three").read_text() == "newer"
    assert [list(batch.names) for _run, batch in storage.quarantined()] == [["three"]]


def test_restoring_makes_directories_that_are_gone(storage: LocalStorage, tree: Path) -> None:
    (tree / "a/b/c").mkdir(parents=True)
    (tree / "a/b/c/deep").write_text("deep")
    (tree / "a").chmod(0o750)
    discard(storage, batches(storage)["a/b/c"], keep=True)
    for path in ("a/b/c", "a/b"):
        (tree / path).rmdir()
    list(storage.restore(RUN))
    assert (tree / "a/b/c/deep").read_text() == "deep"
    assert stat.S_IMODE((tree / "a/b").stat().st_mode) == 0o750


def test_a_part_of_a_run_is_restored_alone(storage: LocalStorage, tree: Path) -> None:
    discard(storage, batches(storage)[""], keep=True)
    (outcome,) = storage.restore(RUN, "", ["two"])
    assert outcome.done == 1
    assert (tree / "two").exists()
    assert [list(batch.names) for _run, batch in storage.quarantined()] == [["one"]]


def test_purging_frees_what_was_set_aside(storage: LocalStorage, tree: Path) -> None:
    aside = discard(storage, batches(storage)["a"], keep=True).set_aside
    (outcome,) = storage.purge(RUN)
    assert (outcome.done, outcome.freed) == (1, aside)
    storage.tidy()
    assert [path.name for path in tree.parent.iterdir()] == ["tmp"]


def test_an_unknown_run_has_nothing_to_give(storage: LocalStorage) -> None:
    discard(storage, batches(storage)["a"], keep=True)
    assert list(storage.restore("../../..")) == []
    assert list(storage.purge("20250101T000000Z-0000")) == []


def test_what_a_killed_run_had_claimed_returns(storage: LocalStorage, tree: Path) -> None:
    claimed = tree.parent / NAME / "tmp" / CLAIMED / RUN / "a"
    claimed.mkdir(parents=True)
    (tree.parent / NAME).chmod(0o700)
    (tree / "a/three").rename(claimed / "three")
    (claimed / "pipe").symlink_to("swapped in")
    assert sum(outcome.done for outcome in storage.recover()) == 2
    assert (tree / "a/three").read_text() == "three" * 10
    assert (tree / "a/pipe").is_symlink()
    storage.tidy()
    assert not (tree.parent / NAME).exists()


def test_what_was_claimed_and_has_lost_its_name_is_kept_and_asked_about_once(storage: LocalStorage, tree: Path) -> None:
    claimed = tree.parent / NAME / "tmp" / CLAIMED / RUN / "a"
    claimed.mkdir(parents=True)
    (tree.parent / NAME).chmod(0o700)
    (claimed / "three").write_text("older")
    assert [reasons(outcome) for outcome in storage.recover()] == [{"three": Reason.TAKEN}]
    assert list(storage.recover()) == []
    assert (tree.parent / NAME / "tmp" / KEPT / RUN / "a/three").read_text() == "older"
    assert (tree / "a/three").read_text() == "three" * 10


def test_a_file_linked_back_but_not_yet_unlinked_is_one_file(storage: LocalStorage, tree: Path) -> None:
    claimed = tree.parent / NAME / "tmp" / CLAIMED / RUN / "a"
    claimed.mkdir(parents=True)
    (tree.parent / NAME).chmod(0o700)
    os.link(tree / "a/three", claimed / "three")
    assert [outcome.missed for outcome in storage.recover()] == [[]]
    assert (tree / "a/three").stat().st_nlink == 1


@pytest.mark.parametrize("mode", [0o750, 0o777])
def test_a_quarantine_that_others_can_enter_is_refused(storage: LocalStorage, tree: Path, mode: int) -> None:
    (tree.parent / NAME).mkdir()
    (tree.parent / NAME).chmod(mode)
    with pytest.raises(UnreachableError):
        batches(storage)
    with pytest.raises(UnreachableError):
        list(storage.recover())


def test_a_quarantine_that_leads_elsewhere_is_refused(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    (tree.parent / "trap").mkdir(mode=0o700)
    (tree.parent / NAME).symlink_to(tree.parent / "trap")
    with pytest.raises(UnreachableError):
        discard(storage, batch)
    assert (tree / "a/three").exists()
    assert not list((tree.parent / "trap").iterdir())


def test_a_place_that_another_run_cleans_is_locked(storage: LocalStorage, tree: Path, kind: str) -> None:
    if kind == "path":
        pytest.skip("by path there is no lock but that of the state")
    other = LocalStorage("tmp", str(tree))
    discard(other, batches(other)["a"], keep=True)
    with pytest.raises(LockedError):
        discard(storage, batches(storage)[""])
    other.tidy()
    assert discard(storage, batches(storage)[""]).done == 2


def test_a_quarantine_anywhere_in_the_tree_is_nobody_s_prey(storage: LocalStorage, tree: Path) -> None:
    (tree / "a" / NAME).mkdir(mode=0o700)
    (tree / "a" / NAME / "old").write_text("set aside")
    assert others(storage) == {NAME: Reason.EXCLUDED}


# trouble


def test_a_root_that_is_missing_is_unreachable(tree: Path) -> None:
    with pytest.raises(UnreachableError):
        list(LocalStorage("gone", str(tree / "gone")).walk(with_times=False))


@pytest.mark.skipif(ROOT, reason="root may do everything")
def test_a_directory_that_we_may_not_write_keeps_its_files_with_that_reason(storage: LocalStorage, tree: Path) -> None:
    batch = batches(storage)["a"]
    (tree / "a").chmod(0o500)
    assert discard(storage, batch).missed == [Miss("three", Reason.DENIED, "EACCES")]
    (tree / "a").chmod(0o700)


@pytest.mark.skipif(ROOT, reason="root may do everything")
def test_a_directory_that_we_may_not_read_is_named(storage: LocalStorage, tree: Path) -> None:
    (tree / "a").chmod(0o000)
    assert list(others(storage).values()) == [Reason.DENIED]
    (tree / "a").chmod(0o700)


def test_a_file_that_we_may_not_read_goes_all_the_same(storage: LocalStorage, tree: Path) -> None:
    (tree / "a/three").chmod(0o000)
    assert discard(storage, batches(storage)["a"]).done == 1


def test_what_fsck_owns_is_not_entered(storage: LocalStorage, tree: Path) -> None:
    (tree / "lost+found").mkdir()
    (tree / "lost+found" / "#12").write_text("found")
    assert "lost+found" not in batches(storage)
    assert others(storage)["lost+found"] is Reason.EXCLUDED
