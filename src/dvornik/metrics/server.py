"""Serves the figures at ``/metrics`` over HTTP: that path alone, to few at a time, and to nobody for long."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from dvornik.metrics import offered

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

PATH: Final = "/metrics"
_FEW: Final = 8
"""Requests that are answered at once; Prometheus and a person beside it need two."""
_FRESH: Final = 10.0
"""Seconds for which figures are good: whoever asks oftener must not make us measure directories all day."""


class Address(NamedTuple):
    """Where to listen; port 0 is any that is free."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Address:
        """Read ``HOST:PORT``, ``[IPv6]:PORT`` or a port alone, which is the loopback's; raise ``ValueError``."""
        host, _colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if not port.isascii() or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - the protocol's own
            raise ValueError(text)
        if (":" in host) != (host != bare) or any(letter.isspace() or letter in "/@" for letter in host):
            raise ValueError(text)
        return cls(bare or "127.0.0.1", int(port))


class Server:
    """Listens from the start; ``figures`` are asked for when somebody comes, and never by two at a time."""

    def __init__(
        self, address: Address, figures: Callable[[], CollectorRegistry], *, patience: float = 10.0, few: int = _FEW
    ) -> None:
        """Bind ``address``; raise ``OSError``. A request may take ``patience`` seconds from its first byte to its last.

        ``figures`` raises ``ImportError`` where prometheus_client is missing; ask it before, not us.
        """
        self._figures = figures
        self._lock = threading.Lock()
        self._kept: tuple[float, CollectorRegistry] | None = None
        self._listener = _Listener(address, self._answer, patience, few)
        host, port = self._listener.server_address[:2]
        shown = host.decode() if isinstance(host, bytes | bytearray) else str(host)
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}{PATH}"

    def start(self) -> None:
        """Serve beside whatever else this process does. Signals are not for this thread: its mother waits for them."""
        thread = threading.Thread(target=self.serve, name="metrics", daemon=True)
        if sys.platform == "win32":
            thread.start()
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            thread.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def serve(self) -> None:
        """Serve until the process ends, or ``close`` is called from another thread."""
        self._listener.serve_forever()

    def close(self) -> None:
        """Stop serving and let go of the port."""
        self._listener.shutdown()
        self._listener.server_close()

    def _answer(self, accept: str) -> tuple[str, bytes]:
        """Return the type and the text of the figures, in the form that ``accept`` asks for."""
        with self._lock:
            if self._kept is None or not 0 <= time.monotonic() - self._kept[0] < _FRESH:
                self._kept = (time.monotonic(), self._figures())
            return offered(self._kept[1], accept)


class _Listener(ThreadingMixIn, TCPServer):
    """A thread a request, a few at most: whoever comes when all are busy is turned away, and comes again."""

    allow_reuse_address = sys.platform != "win32"
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: Address, answer: Callable[[str], tuple[str, bytes]], patience: float, few: int) -> None:
        if ":" in address.host:
            self.address_family = socket.AF_INET6
        self.answer = answer
        self.patience = patience
        self._free = threading.BoundedSemaphore(few)
        super().__init__(address, _Request)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Request(BaseHTTPRequestHandler):
    """One request and its answer; the connection is closed after it."""

    server: _Listener
    server_version = "dvornik"
    sys_version = ""

    def setup(self) -> None:
        # A timeout of the socket alone would let somebody send a byte a minute for ever.
        self._end = threading.Timer(self.server.patience, self._cut)
        self._end.daemon = True
        self._end.start()
        super().setup()

    def finish(self) -> None:
        self._end.cancel()
        with suppress(OSError):  # the other side has gone
            super().finish()

    def _cut(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def handle(self) -> None:
        with suppress(OSError):  # who is cut off, or goes away, gets no answer, and we no traceback
            super().handle()

    def do_GET(self) -> None:
        if urlsplit(self.path).path != PATH:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        form, body = self.server.answer(self.headers.get("Accept", ""))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", form)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Vary", "Accept")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the library's own name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        """Keep quiet: a scrape a minute is no news."""
