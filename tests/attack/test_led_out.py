"""Whoever owns a directory on the way to a root leads nobody to what is another's, whenever it is swapped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvornik.errors import UnreachableError
from dvornik.storages import ways
from dvornik.storages.local import LocalStorage
from dvornik.storages.roots import Root
from tests.attack.grounds import Site, attacker, in_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user as well"
)

MALLORY, VICTOR = 64321, 64322


@pytest.fixture
def ground() -> Iterator[Path]:
    """A directory that every user may pass."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def site(ground: Path) -> Site:
    """A site of Mallory's that root cleans, beside a directory of somebody else's with files of the same names."""
    site = Site(ground / "site")
    site.fill(3, 40)
    site.fill(3, 40, where=ground / "victim")
    given(ground / "site", MALLORY)
    return site


def given(top: Path, user: int) -> None:
    for path in (top, *top.rglob("*")):
        os.lchown(path, user, user)


_SWAP = """
one, other = map(os.fsencode, arguments)
libc = ctypes.CDLL(None)
count = 0
while going():
    libc.renameat2(-100, one, -100, other, 2)
    count += 1
    time.sleep(count % 7 / 1000)
report.write_text(json.dumps(count))
"""


@pytest.mark.parametrize("name", ["tmp", "var/tmp"])
def test_a_root_swapped_for_a_link_all_the_time_loses_no_file_of_others(site: Site, ground: Path, name: str) -> None:
    if name == "var/tmp":  # a directory around the root is swapped
        (site.root / "var").mkdir()
        site.tmp.rename(site.root / name)
        (ground / "victim").rename(ground / "tmp")
        (ground / "victim").mkdir()
        (ground / "tmp").rename(ground / "victim/tmp")
        (site.root / "dvornik.toml").write_text((site.root / "dvornik.toml").read_text().replace('"tmp"', f'"{name}"'))
        given(site.root, MALLORY)
    swapped = site.root / name.partition("/")[0]
    (site.root / "link").symlink_to(ground / "victim")
    os.lchown(site.root / "link", MALLORY, MALLORY)
    before = site.files(ground / "victim")
    with attacker(_SWAP, swapped, site.root / "link", user=MALLORY) as report:
        codes = {site.clean()[0] for _ in range(12)}
    assert json.loads(report.read_text()) > 100
    assert codes <= {0, 2, 3, 11, 12}
    assert site.files(ground / "victim") == before


def test_a_link_of_another_user_to_what_is_another_s_is_told_and_not_followed(site: Site, ground: Path) -> None:
    site.tmp.rename(site.root / "old")
    site.tmp.symlink_to(ground / "victim")
    os.lchown(site.tmp, MALLORY, MALLORY)
    before = site.files(ground / "victim")
    code, output = site.clean()
    assert code == 2, output
    assert f"{site.tmp} belongs to {MALLORY} and leads to {ground}/victim, which belongs to root" in output
    assert site.files(ground / "victim") == before


def test_a_directory_of_another_user_does_not_lead_to_a_third_one_s(site: Site) -> None:
    given(site.tmp, VICTOR)
    before = site.files()
    code, output = site.clean()
    assert code == 2, output
    assert f"Make {MALLORY} the owner of both" in output
    assert site.files() == before


@pytest.mark.parametrize(("link", "target"), [(MALLORY, MALLORY), (0, VICTOR), (0, 0)])
def test_a_link_to_one_s_own_and_a_link_of_root_are_followed(site: Site, ground: Path, link: int, target: int) -> None:
    given(site.root, link)
    site.tmp.rename(ground / "elsewhere")
    given(ground / "elsewhere", target)
    site.tmp.symlink_to("../elsewhere")
    os.lchown(site.tmp, link, link)
    settings = site.root / "dvornik.toml"
    settings.write_text(settings.read_text().replace("[temp]", "allow_outside = true\n[temp]"))
    code, output = site.clean()
    assert code == 0, output
    assert site.files(ground / "elsewhere") == {}
    assert site.tmp.is_symlink()


def test_what_an_ordinary_user_has_in_another_s_directory_is_his_to_clean(site: Site) -> None:
    given(site.tmp, VICTOR)
    code = f"import os, sys; os.setuid({VICTOR}); from dvornik.storages import ways; print(ways.resolved(sys.argv[1]))"
    code = "from dvornik.storages import ways; " + code
    done = subprocess.run([sys.executable, "-c", code, site.tmp], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(site.tmp), done.stderr


def test_a_mount_may_lie_in_anybody_s_directory(site: Site, ground: Path) -> None:
    script = """
        mount --bind "$2" "$1/tmp"; cd "$1"
        "$3" -c 'from dvornik.cli.entry import dvornik; dvornik()' run temp || echo "exit $?"
        find "$2" -type f | wc -l
        """
    done = in_namespace(script, site.root, ground / "victim", sys.executable)
    if done is None:
        pytest.skip("this system lets nobody mount")
    assert done.stdout.splitlines()[-1] == "0", done.stdout + done.stderr


def test_a_judged_root_that_becomes_a_link_is_not_opened(site: Site, ground: Path) -> None:
    root = Root.at(str(site.tmp))
    site.tmp.rename(site.root / "old")
    site.tmp.symlink_to(ground / "victim")
    with pytest.raises(UnreachableError):
        list(LocalStorage("tmp", root).walk(with_times=True))
    assert not root.is_there()


@pytest.mark.parametrize("path", ["/", "/proc/self/fd/../../1", "/none/../x/./y//", "/tmp/loop/x"])
def test_a_way_without_a_stranger_is_resolved_as_ever(path: str, ground: Path) -> None:
    (ground / "loop").symlink_to("loop")
    (ground / "up").symlink_to("../" * 9)
    (ground / "more").symlink_to(f"{ground}/up/tmp/../{ground}/none")
    for each in (path, *(f"{ground}/{name}{path}" for name in ("up", "more"))):
        expected = os.path.realpath(each)
        assert ways.resolved(each).replace(str(os.getpid()), "self") == expected.replace(str(os.getpid()), "self")
