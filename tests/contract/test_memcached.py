"""A real memcached is flushed where it is declared the cache's own, and nowhere else."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from dvornik.application import CachePlace
from dvornik.caches import CacheError, connect
from dvornik.collectors.cache import CacheCollector
from dvornik.contracts.cache import CacheUsage
from dvornik.errors import ConfigurationError
from dvornik.model import Finding, Held, Reason, Survey, Trouble
from tests.servers.memcached import ask, fill, running

if TYPE_CHECKING:
    from pathlib import Path


def place(*servers: str, owned: bool = True) -> CachePlace:
    return CachePlace("pages", f"memcached://{','.join(servers)}", owned=owned)


def test_all_of_it_is_flushed_and_the_memory_measured(memcached: str) -> None:
    fill(memcached, 300)
    collector = CacheCollector([place(memcached)])
    survey, finding = collector.scan(0, thorough=False)
    assert isinstance(survey, Survey)
    assert isinstance(finding, Finding)
    assert (finding.rule, finding.container, finding.count) == ("cache/entry", "*", 300)
    assert survey.size == finding.size > 300_000
    outcome = collector.apply(finding, "run")
    assert (outcome.done, outcome.freed, outcome.missed) == (300, finding.size, ())
    assert ask(memcached, b"get key0") == b"END\r\n"


def test_one_that_is_not_declared_as_the_cache_s_own_is_left_alone(memcached: str) -> None:
    fill(memcached, 3)
    collector = CacheCollector([place(memcached, owned=False)])
    _survey, held = collector.scan(0, thorough=True)
    assert isinstance(held, Held)
    assert (held.reason, held.count) == (Reason.NOT_OWN, 3)
    assert list(connect(place(memcached, owned=False)).unlink()) == []
    planned = CacheCollector([place(memcached)])
    (finding,) = (seen for seen in planned.scan(0, thorough=False) if isinstance(seen, Finding))
    assert [miss.reason for miss in collector.apply(finding, "run").missed] == [Reason.CHANGED]
    assert ask(memcached, b"get key0").startswith(b"VALUE")


def test_a_cache_may_lie_on_several_servers_and_behind_a_socket(memcached: str, tmp_path: Path) -> None:
    with running(socket_path=tmp_path / "m.sock") as other:
        fill(memcached, 3)
        fill(other, 2)
        cache = connect(place(memcached, other))
        assert cache.usage().matching == 5
        assert list(cache.unlink()) == [3, 2]
        assert cache.usage() == CacheUsage(0, 0, 0)
        by_path = connect(CachePlace("pages", f"memcached+unix://{other}", owned=True))
        assert by_path.fingerprint() == other


def test_a_server_that_asks_for_a_user_is_answered(tmp_path: Path) -> None:
    (tmp_path / "users").write_text("cleaner:p@ss/word\n")
    with running("-Y", str(tmp_path / "users"), socket_path=tmp_path / "m.sock") as server:
        cache = connect(CachePlace("pages", f"memcached+unix://cleaner:p%40ss%2Fword@{server}", owned=True))
        assert cache.usage().keys == 0
        with pytest.raises(CacheError) as caught:
            connect(CachePlace("pages", f"memcached+unix://cleaner:wr0ng@{server}", owned=True)).usage()
    assert (caught.value.reason, "wr0ng" in str(vars(caught.value))) == (Reason.DENIED, False)


def test_one_that_is_gone_is_trouble_that_names_it() -> None:
    (trouble,) = CacheCollector([place("127.0.0.1:1")]).scan(0, thorough=False)
    assert isinstance(trouble, Trouble)
    assert "pages: 127.0.0.1:1" in trouble.context


def _answer(listener: socket.socket, text: bytes) -> None:
    with listener.accept()[0] as connection:
        connection.sendall(text)


def test_another_kind_of_server_is_not_taken_for_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer, args=(listener, b"HTTP/1.0 400 no\r\n"), daemon=True)
        thread.start()
        with pytest.raises(CacheError) as caught:
            connect(place(f"127.0.0.1:{listener.getsockname()[1]}")).usage()
        thread.join()
    assert caught.value.reason is Reason.IO_ERROR


@pytest.mark.parametrize("url", ["memcached://", "memcached:///", "memcached://host:port", "memcached+unix://"])
def test_an_address_that_cannot_be_read_is_an_error(url: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(CachePlace("pages", url))
