"""Nothing of ours is fetched where a web server serves the application's directory: asked of a server of files."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from dvornik import served
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.keeper import Ran


class _Silent(SimpleHTTPRequestHandler):
    """Serves every file there is, as root would: no mode and no .htaccess keeps it from one."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Say nothing."""


@contextmanager
def server(root: Path) -> Iterator[Callable[[str], int]]:
    """Serve a directory; lend what fetches a path below it and returns the status."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(root))) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()

        def fetch(path: str) -> int:
            connection = http.client.HTTPConnection("127.0.0.1", web.server_port, timeout=20)
            connection.request("GET", "/" + quote(path))
            return connection.getresponse().status

        yield fetch
        web.shutdown()


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def settings(site: SmallSite) -> None:
    """Leave the state and the log where they lie by default."""
    path = site.path / "dvornik.toml"
    text = path.read_text().replace('state = ".dvornik"\n', "").replace('path = "own/maintenance.log"\n', "")
    path.write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> SmallSite:
    made = SmallSite(tmp_path / "srv" / "shop")
    settings(made)
    made.photos(*(f"used{number}.jpg" for number in range(9)))
    made.orphans(4)
    made.file("tmp/old", age=9 * DAY)
    return made


def run(site: SmallSite, *words: str) -> Ran:
    ran = site.dvornik("run", *words)
    assert ran.code == 0, ran.out + ran.err
    return ran


@pytest.mark.parametrize("mark", ["index.html", "index.php", ".htaccess"])
def test_a_run_leaves_nothing_in_a_document_root(site: SmallSite, mark: str) -> None:
    (site.path / mark).write_text("x")
    before = files(site.path)
    run(site)
    assert files(site.path) - before == set()
    with server(site.path) as fetch:
        assert fetch("media/used1.jpg") == 200
        assert {fetch(f"media/{name}") for name in ("lost/orphan0.bin", "lost/orphan3.bin")} == {404}
    assert (site.path.parent / ".dvornik-of-shop" / "maintenance.log").is_file()


def test_what_was_set_aside_elsewhere_comes_back(site: SmallSite) -> None:
    (site.path / "index.html").write_text("x")
    run(site)
    assert len(site.files()) == 9
    assert (site.path.parent / ".dvornik-quarantine" / "shop%2Fmedia" / "kept").is_dir()
    assert site.dvornik("undo").code == 0
    assert len(site.files()) == 13
    assert not (site.path.parent / ".dvornik-quarantine").exists()


def test_it_comes_back_though_the_marks_of_the_document_root_have_gone_or_come(site: SmallSite) -> None:
    (site.path / "index.html").write_text("x")
    run(site)
    (site.path / "index.html").unlink()
    assert site.dvornik("undo").code == 0
    assert len(site.files()) == 13
    assert not (site.path / ".dvornik").exists()
    run(site)
    (site.path / "index.html").write_text("x")
    assert (site.dvornik("undo").code, len(site.files())) == (0, 13)


def test_a_media_root_below_a_document_root_keeps_its_quarantine_above(tmp_path: Path) -> None:
    made = SmallSite(tmp_path / "app")
    (made.path / "public").mkdir()
    (made.path / "media").rename(made.path / "public" / "media")
    (made.path / "media").symlink_to("public/media")
    (made.path / "public" / "index.php").write_text("x")
    made.photos("used.jpg")
    made.orphans(4)
    run(made, "media")
    with server(made.path / "public") as fetch:
        assert fetch("media/used.jpg") == 200
        assert fetch("media/lost/orphan1.bin") == 404
    assert files(made.path / "public") == {"index.php", "media/used.jpg"}
    assert (made.path / ".dvornik-quarantine" / "public%2Fmedia").is_dir()


def test_a_media_root_inside_another_keeps_its_quarantine_outside_both(tmp_path: Path) -> None:
    made = SmallSite(tmp_path)
    made.configure(more='[media.inner]\nroot = "media/inner"\nurl = "/inner/"\nexact = ["article.body"]')
    made.photos("used.jpg")
    made.sql("INSERT INTO article (body) VALUES (?)", ("named.jpg",))
    made.file("media/inner/named.jpg")
    made.file("media/inner/orphan.jpg")
    made.dvornik("run", "media")
    assert files(tmp_path / "media") == {"used.jpg", "inner/named.jpg"}


def test_a_state_that_is_there_already_stays_and_is_denied_to_apache(site: SmallSite) -> None:
    run(site, "temp")
    (site.path / "index.html").write_text("x")
    run(site, "temp")
    assert site.state.stat().st_mode & 0o777 == 0o700
    assert "Require all denied" in (site.state / ".htaccess").read_text()
    assert "Deny from all" in (site.state / ".htaccess").read_text()
    said = site.dvornik("doctor").out
    assert r"location ~ /\.dvornik { return 404; }" in said
    assert r'RedirectMatch 404 "/\.dvornik"' in said
    assert r"location ~ /dvornik\.toml { return 404; }" in said


def test_the_health_check_finds_a_state_elsewhere_the_quick_way(
    site: SmallSite, capsys: pytest.CaptureFixture[str]
) -> None:
    from dvornik import quick_health

    (site.path / "index.html").write_text("x")
    run(site)
    assert quick_health.main(["--health-check"], {}, str(site.path)) == 0
    assert capsys.readouterr().out == "✅ Всё в порядке\n"


def test_init_writes_no_configuration_where_it_would_be_fetched(tmp_path: Path) -> None:
    made = SmallSite(tmp_path)
    (tmp_path / "dvornik.toml").unlink()
    (tmp_path / "index.html").write_text("x")
    ran = made.dvornik("init")
    assert (ran.code, (tmp_path / "dvornik.toml").exists()) == (2, False)
    assert "--output" in ran.err
    assert made.dvornik("init", "-o", "../elsewhere.toml").code == 0


def test_an_ordinary_application_is_left_as_it_was(tmp_path: Path) -> None:
    made = SmallSite(tmp_path)
    made.orphans(3)
    made.photos("used.jpg")
    run(made)
    assert made.state.is_dir()
    assert not list(tmp_path.rglob(".htaccess"))
    assert "web server" not in made.dvornik("doctor").out


def test_marks_that_anyone_may_leave_are_not_believed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    (tmp_path / "open" / "index.html").write_text("x")
    assert served.root_of(str(tmp_path / "open" / "app")) == ""
    (tmp_path / "open").chmod(0o755)
    assert served.root_of(str(tmp_path / "open" / "app")) == str(tmp_path / "open")
