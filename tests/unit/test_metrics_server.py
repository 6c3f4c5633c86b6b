"""The figures over HTTP: the right type for each who asks, one path, and nobody who keeps the others waiting."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

from dvornik import metrics
from dvornik.health import Health
from dvornik.metrics.server import Address, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

NOW = 1_800_000_000.0
OPEN = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


class Asked:
    """Counts how often the figures were made."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> CollectorRegistry:
        self.times += 1
        return metrics.registry(Health(NOW, 86400.0, 1, 1, freed=430), "shop", NOW)


@pytest.fixture
def figures() -> Asked:
    return Asked()


@pytest.fixture
def server(figures: Asked) -> Iterator[Server]:
    running = Server(Address.of("127.0.0.1:0"), figures, patience=0.3, few=2)
    running.start()
    yield running
    running.close()


def port(server: Server) -> int:
    return int(server.url.rpartition(":")[2].partition("/")[0])


def ask(server: Server, path: str = "/metrics", method: str = "GET", accept: str = "") -> tuple[int, str, str]:
    """Return status, type and text."""
    connection = http.client.HTTPConnection("127.0.0.1", port(server), timeout=30)
    connection.request(method, path, headers={"Accept": accept} if accept else {})
    answer = connection.getresponse()
    found = answer.status, answer.headers["Content-Type"], answer.read().decode()
    connection.close()
    return found


def test_who_asks_for_nothing_gets_prometheus_own_text(server: Server) -> None:
    status, form, text = ask(server)
    assert (status, form) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "dvornik_reclaimed_bytes" in {family.name for family in prometheus(text)}


def test_who_asks_for_openmetrics_gets_it(server: Server) -> None:
    status, form, text = ask(server, accept=OPEN)
    assert (status, form.split(";")[0]) == (200, "application/openmetrics-text")
    assert text.endswith("# EOF\n")
    assert "dvornik_reclaimed_bytes" in {family.name for family in openmetrics(text)}  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("path", ["/", "/metrics/", "/favicon.ico", "/metrics/../etc/passwd", "/Metrics"])
def test_there_is_no_other_path(server: Server, figures: Asked, path: str) -> None:
    assert ask(server, path)[0] == 404
    assert figures.times == 0


def test_nothing_can_be_sent_to_it(server: Server) -> None:
    assert {ask(server, method=method)[0] for method in ("POST", "PUT", "DELETE")} == {501}
    assert ask(server, method="HEAD")[::2] == (200, "")
    assert ask(server, "/metrics?name=x")[0] == 200


def test_asking_often_does_not_make_it_measure_often(server: Server, figures: Asked) -> None:
    assert {ask(server)[0] for _ in range(5)} == {200}
    assert figures.times == 1


def in_the_end(server: Server) -> int:
    """Come again until somebody is free: who is cut off leaves a moment after hearing of it."""
    for _attempt in range(1000):
        with suppress(OSError, http.client.HTTPException):
            return ask(server)[0]
        time.sleep(0.02)
    return 0


@pytest.mark.parametrize("sent", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\nHost: x\r\n"])
def test_who_does_not_finish_asking_is_cut_off(server: Server, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port(server)), timeout=60) as slow:
        slow.sendall(sent)
        assert slow.recv(1) == b""


def test_a_byte_now_and_then_does_not_keep_a_connection(server: Server) -> None:
    """A timeout between bytes would be satisfied by it for ever."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port(server)), timeout=60) as slow, suppress(OSError):
        while sent < 3000:  # a minute
            slow.sendall(b"G")
            sent += 1
            time.sleep(0.02)
    assert sent < 3000
    assert in_the_end(server) == 200


def test_who_comes_when_all_are_busy_is_turned_away_and_served_later(server: Server) -> None:
    idle = [socket.create_connection(("127.0.0.1", port(server)), timeout=60) for _ in range(6)]
    assert [each.recv(1) for each in idle] == [b""] * 6
    assert in_the_end(server) == 200
    for each in idle:
        each.close()


def test_no_signal_goes_to_its_thread(server: Server) -> None:
    """So that whoever waits for SIGTERM gets it; what this thread of the test's had open is as before."""
    here = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGTERM not in here
    (thread,) = [each for each in threading.enumerate() if each.name == "metrics"]
    with open(f"/proc/self/task/{thread.native_id}/status") as status:  # noqa: PTH123 - not a file that pathlib knows
        blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
    assert blocked & (1 << (signal.SIGTERM - 1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9108", ("127.0.0.1", 9108)),
        (":9108", ("127.0.0.1", 9108)),
        ("0.0.0.0:9108", ("0.0.0.0", 9108)),  # noqa: S104 - read, not bound
        ("[::1]:0", ("::1", 0)),
        ("db.internal:80", ("db.internal", 80)),
    ],
)
def test_an_address_without_a_host_is_the_loopback(text: str, expected: tuple[str, int]) -> None:
    assert Address.of(text) == expected


@pytest.mark.parametrize(
    "text", ["", "x", "1:2:3", "::1:80", "127.0.0.1", "h:65536", "h:-1", "http://h:80", "a b:8", "h:٣"]
)
def test_what_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(text)):
        Address.of(text)


def test_the_sixth_version_of_ip_is_spoken(figures: Asked) -> None:
    try:
        running = Server(Address("::1", 0), figures)
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert running.url.startswith("http://[::1]:")
    running.start()
    running.close()
