"""A web server of the test's own on the loopback: it remembers what it was asked, and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Mapping  # noqa: TC003 - msgspec reads the annotations
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class Asked(msgspec.Struct, frozen=True):
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, read as JSON."""
        found: dict[str, Any] = msgspec.json.decode(self.body)
        return found


class Web:
    """The server: ``asked`` fills with requests; ``status`` and ``location`` are the answer to all that follow."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.asked: list[Asked] = []
        self.status = 200
        self.location = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"

    def close(self) -> None:
        """Let go of the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(web) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - `self` is the handler's below
        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                web.asked.append(Asked(self.command, self.path, dict(self.headers), body))
                self.send_response(web.status)
                if web.location:
                    self.send_header("Location", web.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 - the library's own names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as above
                """Keep quiet."""

        return Handler


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Give a running server, which no proxy of this machine stands before."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Web()
    yield server
    server.close()
