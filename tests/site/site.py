"""A populated copy of the reference site, served by its own server and read over HTTP as a person would."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urldefrag, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

BACKEND = Path(__file__).resolve().parents[2] / "backend"
EDITOR, PASSWORD = "editor", "dvornik"
PATIENCE = 30.0
"""Seconds."""
_STARTED = re.compile(r"Starting development server at (http://\S+?)/?$")
_OURS = ("DATABASE_URL", "REDIS_URL", "DJANGO_DEBUG", "SECRET_KEY", "ALLOWED_HOSTS", "PYTHONPATH")
"""Variables of the machine that must not reach a test's site."""
_TAKES = {"src", "href", "poster"}
HTTP_OK = 200
_NOT_TO_PRESS = ("/logout/", "/delete/")


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``populate --json`` says that it made: names below media, tmp and logs; keys of sessions and cache."""

    scale: int
    seed: int
    now: str
    articles: int
    used: list[str]
    orphaned: list[str]
    old_temp: list[str]
    fresh_temp: list[str]
    """What must stay: also the old first part of an upload whose second part has just come."""
    old_logs: list[str]
    fresh_logs: list[str]
    expired_sessions: list[str]
    live_sessions: list[str]
    cache_keys: list[str]
    placeholders: list[str]
    """Names below the site's directory."""


class Page(msgspec.Struct, frozen=True):
    """An answer of the site."""

    url: str
    status: int
    kind: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class BrokenLinksError(Exception):
    """Pages name addresses that the site does not serve."""


class Visitor:
    """Someone with a browser of their own: cookies, links, forms."""

    def __init__(self, root: str) -> None:
        """Visit the site at ``root``."""
        self.root = root
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor())

    def get(self, address: str) -> Page:
        """Fetch an address, relative or absolute, encoded or not; other statuses than 200 are answers too."""
        return self._open(Request(_encoded(urljoin(self.root + "/", address))))  # noqa: S310 - a server of our own

    def media(self, name: str) -> Page:
        """Fetch the media file ``name``."""
        return self.get("/media/" + quote(name))

    def post(self, address: str, fields: Mapping[str, str], file: tuple[str, bytes] | None = None) -> Page:
        """Send a form as its page would, with the token that the page at ``/login/`` gives out."""
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', self.get("/login/").text)
        token = found[1] if found else ""
        kind, body = _form({**fields, "csrfmiddlewaretoken": token}, file)
        headers = {"Content-Type": kind, "Referer": self.root}
        return self._open(Request(urljoin(self.root, address), body, headers))  # noqa: S310 - as above

    def sign_in(self, name: str = EDITOR, password: str = PASSWORD) -> Page:
        """Send the login form; the page that follows is the home page if it was accepted."""
        return self.post("/login/", {"username": name, "password": password})

    def crawl(self) -> dict[str, bytes]:
        """Follow every link, picture, candidate of a ``srcset`` and download from the home page on.

        Returns:
            The body of each address, by its path as the server decodes it.

        Raises:
            BrokenLinksError: some address did not answer 200; names each, and the page that named it.
        """
        seen: dict[str, bytes] = {}
        broken: list[str] = []
        waiting = {"/": "the start"}
        while waiting:
            path, referrer = waiting.popitem()
            page = self.get(path)
            seen[path] = page.body
            if page.status != HTTP_OK:
                broken.append(f"{page.status} {path} (named by {referrer})")
            elif page.kind == "text/html":
                waiting |= {link: path for link in self._links(page) if link not in seen}
        if broken:
            raise BrokenLinksError("\n".join(broken))
        return seen

    def _links(self, page: Page) -> set[str]:
        parser = _Links()
        parser.feed(page.text)
        addresses = {urldefrag(urljoin(page.url, link)).url for link in parser.found}
        paths = {unquote(address.removeprefix(self.root)) for address in addresses if address.startswith(self.root)}
        return {path for path in paths if not path.endswith(_NOT_TO_PRESS) and not path.startswith("/admin/")}

    def _open(self, request: Request) -> Page:
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                return _page(answer)
        except HTTPError as error:
            with error:
                return Page(request.full_url, error.code, error.headers.get_content_type(), error.read())


class Site:
    """A site in a directory of its own."""

    def __init__(self, path: Path, manifest: Manifest, env: Mapping[str, str]) -> None:
        """Take a directory that was populated with ``env``, or a copy of one."""
        self.path = path
        self.manifest = manifest
        self.env = environment(path, env)
        self._given = dict(env)

    @classmethod
    def populate(cls, path: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Site:
        """Make a site below ``path``; ``arguments`` are those of ``manage.py populate``."""
        out = _manage("populate", "--json", *arguments, env=environment(path, env or {}))
        return cls(path, msgspec.json.decode(out, type=Manifest), env or {})

    def copy(self, path: Path) -> Site:
        """Return a copy at ``path``, which must not exist; files keep their modification times."""
        shutil.copytree(self.path, path, symlinks=True)
        return Site(path, self.manifest, self._given)

    def manage(self, *arguments: str) -> str:
        """Run ``manage.py`` for this site; return what it prints."""
        return _manage(*arguments, env=self.env)

    @property
    def media(self) -> Path:
        """Directory of the media."""
        return self.path / "media"

    @property
    def logs(self) -> Path:
        """Directory of the logs."""
        return self.path / "logs"

    @property
    def temp(self) -> Path:
        """Directory of the uploads in progress."""
        return self.path / "tmp"

    @property
    def database(self) -> Path:
        """The SQLite database."""
        return self.path / "db.sqlite3"

    def files(self) -> dict[str, bytes]:
        """Return every file below media, tmp and logs, by its name below the site's directory."""
        roots = (self.media, self.temp, self.logs)
        found = [file for root in roots for file in root.rglob("*") if file.is_file()]
        return {file.relative_to(self.path).as_posix(): file.read_bytes() for file in found}

    @contextmanager
    def serve(self) -> Iterator[Visitor]:
        """Run the site's server on a free loopback port; the visitor is nobody yet."""
        # Port 0: the system picks a free one, so tests in parallel cannot take each other's.
        command = [sys.executable, "-u", "manage.py", "runserver", "--noreload", "--skip-checks", "127.0.0.1:0"]
        log = self.path / "server.txt"
        with log.open("wb") as errors:
            server = subprocess.Popen(
                command, cwd=BACKEND, env=self.env, stdout=subprocess.PIPE, stderr=errors, encoding="utf-8"
            )
        try:
            yield Visitor(_address(server.stdout, log))
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate(timeout=PATIENCE)

    def crawl(self) -> dict[str, bytes]:
        """Serve the site for as long as an editor takes to look at everything: :meth:`Visitor.crawl`."""
        with self.serve() as visitor:
            visitor.sign_in()
            return visitor.crawl()


def environment(path: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a site below ``path``."""
    inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**inherited, "DVORNIK_SITE_DATA": str(path), "PYTHONIOENCODING": "utf-8", **env}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - of the base
        for name, value in attrs:
            if name in _TAKES and value:
                self.found.add(value)
            elif name == "srcset" and value:
                self.found.update(candidate.split()[0] for candidate in value.split(", "))


def _manage(*arguments: str, env: Mapping[str, str]) -> str:
    command = [sys.executable, "manage.py", *arguments]
    run = subprocess.run(command, cwd=BACKEND, env=env, capture_output=True, encoding="utf-8", check=False)
    if run.returncode:
        raise RuntimeError(f"{' '.join(command)} exited {run.returncode}:\n{run.stderr}")
    return run.stdout


def _address(out: IO[str] | None, log: Path) -> str:
    for line in out or ():
        found = _STARTED.match(line)
        if found:
            return found[1]
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


def _page(answer: HTTPResponse) -> Page:
    return Page(answer.url, answer.status, answer.headers.get_content_type(), answer.read())


def _encoded(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(path=quote(unquote(parts.path))).geturl()


def _form(fields: Mapping[str, str], file: tuple[str, bytes] | None) -> tuple[str, bytes]:
    if file is None:
        return "application/x-www-form-urlencoded", urlencode(fields).encode()
    boundary = "a-line-that-occurs-in-no-picture"
    texts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    head = f'Content-Disposition: form-data; name="file"; filename="{file[0]}"\r\nContent-Type: image/png\r\n\r\n'
    parts = [*(text.encode() for text in texts), head.encode() + file[1]]
    line = f"--{boundary}\r\n".encode()
    body = b"".join(line + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body
