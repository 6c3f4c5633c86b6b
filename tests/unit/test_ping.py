"""The calls to a dead-man switch."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.error import URLError

import pytest

from dvornik import ping
from dvornik.config import PingSection
from dvornik.quantities import Duration

if TYPE_CHECKING:
    from tests.servers.web import Web


def test_the_switch_hears_the_start_the_success_and_the_failure(web: Web) -> None:
    settings = PingSection(f"{web.url}/key")
    ping.started(settings)
    ping.finished(settings, 0, "well")
    ping.finished(settings, 12, "one\ntwo")
    assert [(asked.path, asked.body) for asked in web.asked] == [
        ("/key/start", b""),
        ("/key", b"exit code 0\nwell"),
        ("/key/fail", b"exit code 12\none\ntwo"),
    ]


def test_a_query_stays_behind_the_path(web: Web) -> None:
    ping.started(PingSection(f"{web.url}/key/?create=1"))
    assert web.asked[0].path == "/key/start?create=1"


def test_of_a_long_log_the_end_is_sent(web: Web) -> None:
    ping.finished(PingSection(web.url), 1, "x" * 50_000 + "the end")
    assert len(web.asked[0].body) == 10_000
    assert web.asked[0].body.endswith(b"the end")


@pytest.mark.parametrize("location", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x"])
def test_a_redirection_leads_nowhere_but_to_the_web(web: Web, location: str) -> None:
    web.status, web.location = 302, location
    with pytest.raises(URLError):
        ping.started(PingSection(web.url))
    assert len(web.asked) == 1


@pytest.mark.parametrize("status", [404, 500])
def test_a_switch_that_refuses_is_an_error(web: Web, status: int) -> None:
    web.status = status
    with pytest.raises(OSError, match=str(status)):
        ping.started(PingSection(web.url))


def test_a_switch_that_is_away_is_an_error() -> None:
    with pytest.raises(OSError, match="refused"):
        ping.started(PingSection("http://127.0.0.1:1/key", Duration("1s")))
