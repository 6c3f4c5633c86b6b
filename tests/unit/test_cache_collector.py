"""The cache collector, on a real Valkey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from dvornik.application import CachePlace
from dvornik.caches.redis import RedisCache
from dvornik.collectors.cache import CacheCollector
from dvornik.contracts.collector import Safety
from dvornik.model import Finding, Held, Reason, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.model import Seen
    from tests.servers.valkey import Valkey


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    """Return a client of a database with a cache, a session and a queue."""
    with redis.Redis.from_url(valkey_url) as client:
        client.mset({f":1:page:{number}": "x" * 2000 for number in range(500)})
        client.set(":1:django.contrib.sessions.cache5", "s")
        client.rpush("celery", "task")
        yield client


@pytest.fixture
def collector(valkey_url: str) -> CacheCollector:
    """Return a collector of that cache."""
    return CacheCollector([CachePlace("default", valkey_url, [":1:*"])])


def scan(collector: CacheCollector) -> list[Seen]:
    """Return all that it sees."""
    return list(collector.scan(0, thorough=False))


def finding(collector: CacheCollector) -> Finding:
    """Return the one finding."""
    return next(seen for seen in scan(collector) if isinstance(seen, Finding))


def test_a_scan_finds_the_entries_and_holds_the_rest(client: redis.Redis, collector: CacheCollector) -> None:
    """With a survey of the whole, and the reasons."""
    survey, found, *held, lasting = scan(collector)
    assert isinstance(survey, Survey)
    assert survey.items >= 502
    assert isinstance(found, Finding)
    assert (found.rule, found.container, found.count) == ("cache/entry", ":1:*", 500)
    assert found.size > 500_000
    assert [(seen.reason, seen.detail, seen.count) for seen in held if isinstance(seen, Held)] == [
        (Reason.NOT_OWN, "queue", 1),
        (Reason.NOT_OWN, "session", 1),
    ]
    assert isinstance(lasting, Held)
    assert (lasting.rule, lasting.count, lasting.names) == (
        "cache/lasting-session", 1, [":1:django.contrib.sessions"]
    )  # fmt: skip


def test_applying_drops_what_was_found_and_measures_the_memory(client: redis.Redis, collector: CacheCollector) -> None:
    """A second scan finds nothing."""
    outcome = collector.apply(finding(collector), "run")
    assert (outcome.done, outcome.missed) == (500, ())
    assert outcome.freed > 500_000
    assert client.dbsize() == 2
    assert not any(isinstance(seen, Finding) for seen in scan(collector))


def test_a_cache_without_patterns_is_held_as_a_whole(client: redis.Redis, valkey_url: str) -> None:
    """Nobody has said what is its own."""
    _survey, held = scan(CacheCollector([CachePlace("default", valkey_url)]))
    assert isinstance(held, Held)
    assert (held.reason, held.detail) == (Reason.NOT_OWN, "no-patterns")
    assert held.count >= 502


def test_a_finding_of_other_patterns_is_not_applied(
    client: redis.Redis, collector: CacheCollector, valkey_url: str
) -> None:
    """What was approved for one set of keys is no leave for another."""
    wider = CacheCollector([CachePlace("default", valkey_url, owned=True)])
    outcome = wider.apply(finding(collector), "run")
    assert [miss.reason for miss in outcome.missed] == [Reason.CHANGED]
    assert client.dbsize() == 502


def test_an_unreachable_cache_is_a_trouble_and_the_others_go_on(client: redis.Redis, valkey_url: str) -> None:
    """No password in it."""
    gone = CachePlace("gone", "redis://:s3cret@127.0.0.1:1/0", ["*"])
    seen = scan(CacheCollector([gone, CachePlace("default", valkey_url, [":1:*"])]))
    assert isinstance(seen[0], Trouble)
    assert "s3cret" not in str(seen[0])
    assert any(isinstance(each, Finding) for each in seen)


def test_a_server_gone_since_the_scan_is_a_failure_not_an_exception(own_valkey: Valkey) -> None:
    """Nothing is claimed."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.set(":1:a", "1")
    collector = CacheCollector([CachePlace("default", own_valkey.url, [":1:*"])])
    found = finding(collector)
    own_valkey.stop()
    outcome = collector.apply(found, "run")
    assert (outcome.done, outcome.freed) == (0, 0)
    assert outcome.missed[0].reason.is_failure


class Filled(RedisCache):
    """A cache that the application goes on filling."""

    def unlink(self) -> Iterator[int]:
        """Drop, while a megabyte arrives."""
        yield from super().unlink()
        self._nodes()[0][0].set("other", "x" * 1_000_000)


def test_memory_that_grew_meanwhile_is_not_freed_below_zero(client: redis.Redis, valkey_url: str) -> None:
    """What came is not counted against what went."""
    client.set("few:1", "1")
    collector = CacheCollector([CachePlace("default", valkey_url, ["few:*"])], Filled)
    outcome = collector.apply(finding(collector), "run")
    assert (outcome.done, outcome.freed) == (1, 0)


def test_the_cache_goes_only_when_asked_for() -> None:
    """And no cap counts it: a cache that is emptied is no loss."""
    rule = CacheCollector.rules["cache/entry"]
    assert (rule.safety, rule.capped, rule.reversible) == (Safety.UNSAFE, False, False)
