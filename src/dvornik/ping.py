"""Owns the calls to a dead-man switch (healthchecks.io and its like): a cleanup starts, succeeded, or failed.

The switch raises the alarm when no success comes, which nothing on this machine could do once the machine is dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from dvornik.config import PingSection

_MOST: Final = 10_000
"""Bytes of the log that are sent along: the end of it, and what the public service keeps."""


def started(settings: PingSection) -> None:
    """Say that a cleanup begins; raise ``OSError`` when the switch did not hear it."""
    _call(settings, "/start", "")


def finished(settings: PingSection, exit_code: int, log: str) -> None:
    """Say how it ended, with the end of the ``log``; raise ``OSError`` when the switch did not hear it."""
    _call(settings, "/fail" if exit_code else "", f"exit code {exit_code}\n{log}")


def _call(settings: PingSection, way: str, body: str) -> None:
    from urllib import request  # noqa: PLC0415 - 20 ms, and most installations have no switch

    parts = urlsplit(settings.url)
    url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + way))
    content = body.encode("utf-8", "backslashreplace")[-_MOST:]
    post = request.Request(url, data=content, headers={"User-Agent": "dvornik", "Content-Type": "text/plain"})  # noqa: S310 - the configuration's check admits the web alone
    # Not the library's own choice of schemes: a redirection must not lead to files of this machine, or to FTP.
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        request.HTTPHandler(),
        request.HTTPSHandler(),
        request.HTTPRedirectHandler(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    with opener.open(post, timeout=float(settings.timeout)) as answer:
        answer.read(1)
