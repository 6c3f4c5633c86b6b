"""Attackers that run beside the command: nothing needed may be lost, whatever they do."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.attack.grounds import Site, attacker

pytestmark = pytest.mark.skipif(os.name == "nt", reason="renames and links as POSIX has them")

_SWAP = """
top, victim = arguments
libc = ctypes.CDLL(None)
links = []
for name in sorted(os.listdir(top)):
    os.symlink(os.path.join(victim, name), os.path.join(top, name + ".swap"))
    links.append(os.fsencode(os.path.join(top, name)))
count = 0
while going():
    for path in links:
        libc.renameat2(-100, path, -100, path + b".swap", 2)
        count += 1
report.write_text(json.dumps(count))
"""


def test_directories_swapped_for_symlinks_lead_nowhere(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(8, 60)
    site.fill(8, 60, where=tmp_path / "victim")
    before = site.files(tmp_path / "victim")
    with attacker(_SWAP, site.tmp, tmp_path / "victim") as report:
        for _ in range(3):
            code, output = site.clean()
            assert code in {0, 3}, output
    assert json.loads(report.read_text()) > 1000
    assert site.files(tmp_path / "victim") == before
    assert not site.set_aside()


_REPLACE = """
top, fresh = arguments
names = [os.path.join(place, name) for place, _, files in os.walk(top) for name in files]
written = {}
for number in itertools.count():
    if not going():
        break
    path = names[number * 7919 % len(names)]
    content = f"fresh {number}"
    if number % 3:
        new = os.path.join(fresh, str(number))
        with open(new, "w") as file:
            file.write(content)
        os.rename(new, path)
    else:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        try:
            with open(path, "x") as file:
                file.write(content)
        except FileExistsError:
            continue
    written[os.path.relpath(path, top)] = content
report.write_text(json.dumps(written))
"""


def test_no_file_replaced_at_the_last_moment_is_lost(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(4, 400)
    (tmp_path / "fresh").mkdir()
    with attacker(_REPLACE, site.tmp, tmp_path / "fresh") as report:
        code, output = site.clean()
        assert code in {0, 3}, output
        output += site.clean()[1]
    assert_nothing_lost(site, json.loads(report.read_text()), output)


def assert_nothing_lost(site: Site, written: dict[str, str], output: str) -> None:
    """Check that the last content written under each name is there, or set aside and told of."""
    there, aside = site.files(), site.set_aside()
    lost = {name: text for name, text in written.items() if there.get(name) != text and text not in aside}
    assert written
    assert lost == {}
    assert all(text.startswith(("fresh ", "old ")) for text in aside)
    assert "taken" in output or not aside


_PROVOKED = """
import struct
top, fresh = arguments
libc = ctypes.CDLL(None)
watch = libc.inotify_init1(0o4000)
places = {}
OPENED, MOVED_FROM, ATTRIBUTES = 0x20, 0x40, 0x4
for place, _, _ in os.walk(top):
    places[libc.inotify_add_watch(watch, os.fsencode(place), OPENED | MOVED_FROM | ATTRIBUTES)] = place
written = {}
number = 0
while going():
    try:
        events = os.read(watch, 65536)
    except BlockingIOError:
        continue
    while events:
        place, mask, _, length = struct.unpack_from("iIII", events)
        name, events = events[16:16 + length].rstrip(b"\\0"), events[16 + length:]
        if not name or mask & 0x40000000:
            continue
        number += 1
        path = os.path.join(places[place], os.fsdecode(name))
        new = os.path.join(fresh, str(number))
        with open(new, "w") as file:
            file.write(f"fresh {number}")
        os.rename(new, path)
        written[os.path.relpath(path, top)] = f"fresh {number}"
report.write_text(json.dumps(written))
"""


def test_no_file_replaced_as_soon_as_we_touch_it_is_lost(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(4, 150)
    (tmp_path / "fresh").mkdir()
    with attacker(_PROVOKED, site.tmp, tmp_path / "fresh") as report:
        time.sleep(0.2)
        code, output = site.clean()
        assert code in {0, 3}, output
    assert_nothing_lost(site, json.loads(report.read_text()), output)


_MOVE_OUT = """
top, out = arguments
names = sorted(os.listdir(top))
full = {name: len(os.listdir(os.path.join(top, name))) for name in names}
moved = {}
while going() and len(moved) < len(names):
    for name in names:
        path = os.path.join(top, name)
        try:
            if name not in moved and len(os.listdir(path)) < full[name]:
                os.rename(path, os.path.join(out, name))
                moved[name] = os.listdir(os.path.join(out, name))
        except FileNotFoundError:
            pass
report.write_text(json.dumps(moved))
"""


def test_directories_moved_out_in_the_middle_lose_nothing_more(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(8, 800)
    (tmp_path / "out").mkdir()
    with attacker(_MOVE_OUT, site.tmp, tmp_path / "out") as report:
        code, output = site.clean()
        assert code in {0, 3}, output
    moved = json.loads(report.read_text())
    assert moved
    for name, files in moved.items():
        assert set(files) <= {path.name for path in (tmp_path / "out" / name).iterdir()}


_SWAP_ROOT = """
top, spare, away = arguments
full = len(os.listdir(os.path.join(top, "d0")))
while going() and len(os.listdir(os.path.join(top, "d0"))) == full:
    pass
os.rename(top, away)
os.rename(spare, top)
report.write_text(json.dumps([os.path.join(place, name) for place, _, files in os.walk(away) for name in files]))
"""


def test_a_root_swapped_in_the_middle_loses_nothing_more(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(4, 500)
    site.fill(4, 500, where=site.root / "spare")
    before = site.files(site.root / "spare")
    with attacker(_SWAP_ROOT, site.tmp, site.root / "spare", site.root / "away") as report:
        site.clean()
    assert site.files() == before
    left = json.loads(report.read_text())
    assert len(left) > 500
    assert [path for path in left if not Path(path).exists()] == []


def test_of_three_cleaners_at_once_one_works(tmp_path: Path) -> None:
    site = Site(tmp_path / "site")
    site.fill(10, 600)
    started = [site.start() for _ in range(3)]
    for process in started:
        process.communicate(timeout=100)
    assert sorted(process.returncode for process in started) == [0, 11, 11]
    assert site.files() == {}
    assert not site.set_aside()
