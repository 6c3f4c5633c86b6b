"""nginx and Apache serve a document root that holds a site: nothing of ours is handed out, or doctor has the lines."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dvornik.config.web_servers import document_roots
from tests.servers import documents
from tests.servers.postgresql import NOBODY
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the servers are Debian's")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
SHAPES = {
    "project": ("app", "app", "app/index.html"),
    "media": ("app", "app/media", ""),
    "around": ("app", "", "index.php"),
    "by its name": ("public_html/app", "public_html", ""),
    "unmarked": ("app", "app", ""),
}
"""Where the application lies, what is the document root, and the file by which it is known for one."""


class Web(NamedTuple):
    """A site that was used, and what of its document root a server may be asked for."""

    site: SmallSite
    root: Path
    before: set[str]
    said: str
    """What dvornik said on the way, and what doctor says."""

    @property
    def ours(self) -> list[str]:
        """What was not there before dvornik came: files, and directories as a listing is asked for."""
        return sorted(below(self.root) - self.before)


def below(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() + "/" * path.is_dir() for path in root.rglob("*")}


@pytest.fixture(params=SHAPES, scope="module")
def web(request: pytest.FixtureRequest) -> Iterator[Web]:
    """A site after a run and a plan, in a directory that every other user may enter."""
    place, root, mark = SHAPES[request.param]
    with tempfile.TemporaryDirectory(prefix="dvornik-web-", dir="/dev/shm") as directory:
        home = Path(directory)
        home.chmod(0o755)
        site = SmallSite(home / place)
        if mark:
            (home / mark).write_text("x")
        settings = site.path / "dvornik.toml"
        settings.write_text(re.sub(r'(state = ".dvornik"|path = "own/.*")\n', "", settings.read_text()))
        site.photos(*(f"used{number}.jpg" for number in range(9)))
        site.orphans(4)
        site.file("tmp/old", age=9 * DAY)
        site.file("logs/app.log.1", age=99 * DAY)
        before = below(home / root)
        yield Web(site, home / root, before, used(site))


def used(site: SmallSite) -> str:
    said = ""
    for words in (["run"], ["plan", "-o", "plan.jsonl", "media"], ["doctor"]):
        ran = site.dvornik(*words)
        assert ran.code in {0, 1}, ran.out + ran.err
        said += ran.out + ran.err
    return said


@pytest.mark.skipif(not ROOT, reason="only root can start a server that is another user")
@pytest.mark.parametrize("kind", documents.KINDS)
def test_a_server_of_another_user_hands_out_nothing_of_ours(web: Web, tmp_path: Path, kind: str) -> None:
    with documents.serving(kind, web.root, tmp_path) as fetch:
        assert fetch(next(path.relative_to(web.root).as_posix() for path in web.root.rglob("used1.jpg"))) == 200
        found = {name: fetch(name) for name in web.ours}
    assert [name for name, status in found.items() if status not in {403, 404}] == []


@pytest.mark.parametrize("kind", documents.KINDS)
def test_a_server_of_the_same_user_finds_nothing_or_what_doctor_names(web: Web, tmp_path: Path, kind: str) -> None:
    """Such a server reads all that we can: only where nothing lies there, or by doctor's own lines, is it kept away."""
    if web.root == web.site.path and not (web.root / "index.html").exists():
        pytest.skip("nothing tells that this is a document root")
    asked = [*web.ours, next(path.relative_to(web.root).as_posix() for path in web.root.rglob("used1.jpg"))]
    with tempfile.TemporaryDirectory(prefix="dvornik-web-", dir="/dev/shm") as directory:
        copy = Path(directory) / "root"
        shutil.copytree(web.root, copy, symlinks=True)
        for path in (Path(directory), copy, *copy.rglob("*")):
            if ROOT:
                os.chown(path, NOBODY, NOBODY)
        with documents.serving(kind, copy, tmp_path, lines=lines(kind, web.said)) as fetch:
            found = {name: fetch(name) for name in asked}
    assert found.pop(asked[-1]) == 200
    assert [name for name, status in found.items() if status not in {403, 404}] == []


def lines(kind: str, said: str) -> str:
    """Return what doctor says to write into a server's configuration."""
    pattern = r"(location ~ .*? \{ return 404; \})" if kind == "nginx" else r"(RedirectMatch 404 \"[^\"]*\")"
    return "\n".join(dict.fromkeys(re.findall(pattern, said)))


@pytest.mark.parametrize("kind", documents.KINDS)
def test_the_lines_of_doctor_deny_the_configuration_too(tmp_path: Path, kind: str) -> None:
    with tempfile.TemporaryDirectory(prefix="dvornik-web-", dir="/dev/shm") as directory:
        home = Path(directory)
        home.chmod(0o755)
        site = SmallSite(home)
        (home / "index.html").write_text("x")
        said = site.dvornik("doctor").out
        with documents.serving(kind, home, tmp_path, lines=lines(kind, said)) as fetch:
            assert (fetch("index.html"), fetch("dvornik.toml")) == (200, 404)


@pytest.mark.parametrize("kind", documents.KINDS)
def test_the_document_root_is_read_from_the_servers_own_configuration(tmp_path: Path, kind: str) -> None:
    root, home = tmp_path / "my site", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    with documents.serving(kind, root, home):
        assert document_roots([str(home / "con?")]) == {str(root)}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("server { root /srv/a; }", {"/srv/a"}),
        ("location /media/ { alias '/srv/b c/'; }", {"/srv/b c"}),
        ("# root /srv/a;\nroot $base/a;\nroot html;\nproxy_set_header X root;", set()),
        ('<VirtualHost *:80>\n  documentroot "/srv/a"\n  Alias /m /srv/m\n</VirtualHost>', {"/srv/a", "/srv/m"}),
    ],
)
def test_what_servers_are_configured_to_serve_is_found(tmp_path: Path, text: str, named: set[str]) -> None:
    (tmp_path / "site.conf").write_text(text)
    assert document_roots([str(tmp_path / "*.conf"), str(tmp_path / "missing")]) == named


def test_what_denies_apache_in_a_directory_of_ours_is_read_by_apache(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dvornik-web-", dir="/dev/shm") as directory:
        home = Path(directory)
        home.chmod(0o755)
        site = SmallSite(home)
        (home / "index.html").write_text("x")
        assert site.dvornik("run").code == 0
        site.state.chmod(0o755)
        (site.state / "health.json").chmod(0o644)
        with documents.serving("apache", home, tmp_path, override="All") as fetch:
            assert (fetch("index.html"), fetch(".dvornik/health.json")) == (200, 403)


def test_each_run_says_that_a_password_is_handed_out_and_how_to_stop_it(tmp_path: Path) -> None:
    site = SmallSite(
        tmp_path,
    )
    site.configure(more='[cache]\nurl = "redis://:hunter2@127.0.0.1:1/0"')
    assert "password" not in site.dvornik("run", "temp", "--quiet").err
    (tmp_path / "index.html").write_text("x")
    ran = site.dvornik("run", "temp", "--quiet")
    assert (ran.code, "hunter2" in ran.err) == (0, False)
    assert r"location ~ /dvornik\.toml { return 404; }" in ran.err
    assert "WARNING configuration: " in (tmp_path / "own/maintenance.log").read_text()


def test_a_plan_is_its_owners_alone(tmp_path: Path) -> None:
    site = SmallSite(tmp_path)
    assert site.dvornik("plan", "-o", "plan.jsonl", "temp").code == 0
    assert (tmp_path / "plan.jsonl").stat().st_mode & 0o777 == 0o600
