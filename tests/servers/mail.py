"""A mail server of the test's own on the loopback: it keeps what it takes."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage


class Mail:
    """The server: ``taken`` fills with messages; what ``refuses`` is set, it takes none."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.taken: list[EmailMessage] = []
        self.refuses = False
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address for Apprise."""
        return f"mailto://127.0.0.1:{self.port}/?from=dvornik@example.org&to=admin@example.org&mode=insecure"

    async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - the library's own name
        """Take a message."""
        if self.refuses:
            return "554 not here"
        content = envelope.content  # type: ignore[attr-defined]  # the library has no types
        self.taken.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 well"

    def close(self) -> None:
        """Let go of the port."""
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        from aiosmtpd.smtp import SMTP

        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: SMTP(self, hostname="here", loop=loop), "127.0.0.1", 0)


@pytest.fixture
def mail() -> Iterator[Mail]:
    """Give a running server."""
    server = Mail()
    yield server
    server.close()
