"""An application in a directory of its own: made, served, looked at, and kept clean by the `dvornik` command."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.apps.browser import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PATIENCE = 60.0
"""Seconds."""
# Files cannot be made to look old by their change time, so here the grace is given up.
CONFIGURATION = """\
[policy]
media_grace = "0"
allow_short_grace = true
"""


class Application:
    """A project of an application; what is done to it is done by its own Python."""

    def __init__(self, home: Path, python: Path, env: Mapping[str, str] | None = None) -> None:
        """Keep it in the directory ``home``; ``env`` are further variables of its processes, and of dvornik's."""
        self.home = home
        self.media = home / "media"
        self._python = python
        unwanted = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "DJANGO_SETTINGS_MODULE", "DATABASE_URL"}
        inherited = {name: value for name, value in os.environ.items() if name not in unwanted}
        path = f"{python.parent}{os.pathsep}{inherited.get('PATH', '')}"
        self.env = {**inherited, "PATH": path, "LANG": "C.UTF-8", "PYTHONUTF8": "1", **(env or {})}
        self.configure("")

    def configure(self, toml: str) -> None:
        """Write ``dvornik.toml``: what every application needs here, and ``toml``."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "dvornik.toml").write_text(f"[app]\npython = '{self._python}'\n{CONFIGURATION}{toml}")

    def run(self, *words: str | Path) -> str:
        """Run its Python; return what that prints."""
        return self._run([self._python, *words])

    def manage(self, *words: str) -> str:
        """Run its ``manage.py``."""
        return self.run("manage.py", *words)

    def _run(self, command: Sequence[str | Path]) -> str:
        done = subprocess.run(command, cwd=self.home, env=self.env, capture_output=True, check=False, timeout=300)
        out = done.stdout.decode()
        assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.returncode}\n{out}\n{done.stderr.decode()}"
        return out

    @contextmanager
    def serve(self, wsgi: str) -> Iterator[Browser]:
        """Run its server (``wsgi``: module:name) on a free loopback port for somebody with a browser."""
        command: list[str | Path] = [self._python, Path(__file__).with_name("serve.py"), wsgi]
        log = self.home / "server.txt"
        with log.open("ab") as errors:
            server = subprocess.Popen(
                command, cwd=self.home, env=self.env, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
            )
        try:
            assert server.stdout
            port = server.stdout.readline().strip()
            assert port, log.read_text()
            yield Browser(f"http://127.0.0.1:{port}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=PATIENCE)

    def dvornik(self, *words: str) -> str:
        """Run ``dvornik`` of our own environment in the project's directory; anything but success is an error."""
        return self._run([sys.executable, "-c", "from dvornik.cli.entry import dvornik; dvornik()", *words])

    def planned(self) -> set[str]:
        """Return what a dry run would take, as paths below the media directory."""
        document: dict[str, Any] = json.loads(self.dvornik("run", "media", "--dry-run", "--json"))
        return {
            f"{finding['container']}/{name}".lstrip("/")
            for finding in document["findings"]
            for name in finding["names"]
        }

    def files(self) -> dict[str, bytes]:
        """Return every file of the media directory, by its path below it."""
        found = [file for file in self.media.rglob("*") if file.is_file()]
        return {file.relative_to(self.media).as_posix(): file.read_bytes() for file in found}

    def plant(self, orphans: Sequence[str]) -> None:
        """Put files there that nothing refers to."""
        for name in orphans:
            path = self.media / name
            assert not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"nobody wants me")


def look(browser: Browser, pages: Sequence[str], media: str) -> dict[str, bytes]:
    """Open every page; return what stands at each address in them that begins with ``media`` (a regular expression).

    Addresses are taken from wherever they stand: attributes, scripts, styles, JSON; but not from what a person reads,
    which may be shortened.
    """
    address = re.compile(rf"""["'(=,\s](?:https?://[\w.:-]+)?({media}[^\s"'()<>\\,]*)""")
    files: dict[str, bytes] = {}
    for each in pages:
        page = browser.get(each)
        assert page.status == 200, f"{each} answers {page.status}"
        text = html.unescape(page.body.decode("utf-8", "replace")).replace("\\/", "/")
        for link in address.findall(text):
            path = urlsplit(link).path
            if path not in files:
                answer = browser.get(path)
                assert answer.status == 200, f"{each} shows {path}, which answers {answer.status}"
                files[path] = answer.body
    return files
