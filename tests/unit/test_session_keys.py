"""Sessions in a Valkey that never expire by themselves go once nobody has asked for them in the time that is named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import pytest
import redis

from dvornik.application import CachePlace
from dvornik.caches import CacheError, connect
from dvornik.caches.redis_dropping import end
from dvornik.collectors.sessions import Sessions
from dvornik.config import load
from dvornik.errors import ConfigurationError
from dvornik.model import Finding, Held, Outcome, Reason, Seen, Survey
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.valkey import Valkey

MONTH = 30 * 86_400


def store(client: redis.Redis, name: str, idle: int, ttl: int = 0) -> None:
    """Store a string that nobody has asked for in so many seconds."""
    client.set(f"value:{name}", "x")
    value = cast("bytes", client.dump(f"value:{name}"))
    client.restore(name, ttl * 1000, value, replace=True, idletime=idle)
    client.delete(f"value:{name}")


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    """Return a client of a database with sessions, old and new, and with what is none."""
    with redis.Redis.from_url(valkey_url) as client:
        store(client, "session:old", 2 * MONTH)
        store(client, "sid:old", 2 * MONTH)
        store(client, "session:new", 60)
        store(client, "session:ending", 2 * MONTH, ttl=600)
        store(client, "session:lock", 2 * MONTH)
        store(client, "other:session:1", 2 * MONTH)
        client.rpush("session:list", "x")
        yield client


def place(url: str, *patterns: str) -> CachePlace:
    wanted = patterns or ("session:*", "sid:*")
    return CachePlace("web", url, wanted, idle=MONTH, only_without_ttl=True, of_sessions=True)


def collector(url: str) -> Sessions:
    return Sessions({}, [], stores=[place(url)])


def clean(sessions: Sessions) -> list[Outcome]:
    return [sessions.apply(seen, "run") for seen in sessions.scan(0, thorough=False) if isinstance(seen, Finding)]


def names(client: redis.Redis) -> set[str]:
    return {key.decode() for key in cast("list[bytes]", client.keys())}


def test_idle_sessions_without_an_end_go_and_everything_else_stays(client: redis.Redis, valkey_url: str) -> None:
    before = names(client)
    (outcome,) = clean(collector(valkey_url))
    assert (outcome.rule, outcome.place, outcome.done, outcome.missed) == ("sessions/expired", "web", 2, ())
    assert before - names(client) == {"session:old", "sid:old"}
    assert clean(collector(valkey_url)) == []


def test_what_stays_is_told_with_the_reason(client: redis.Redis, valkey_url: str) -> None:
    seen: list[Seen] = list(collector(valkey_url).scan(0, thorough=False))
    assert isinstance(seen[0], Survey)
    assert seen[0].kind == "sessions"
    held = {(each.reason, each.detail): each.count for each in seen if isinstance(each, Held)}
    assert held == {
        (Reason.NOT_OWN, "session"): 1, (Reason.NOT_OWN, "lock"): 1,
        (Reason.YOUNG, "recent"): 1, (Reason.EXCLUDED, "expiring"): 1,
    }  # fmt: skip


def test_whoever_comes_back_in_the_last_moment_keeps_the_session(client: redis.Redis, valkey_url: str) -> None:
    client.get("session:old")
    client.expire("sid:old", 600)
    assert end(client, [b"session:old", b"sid:old", b"gone"], MONTH) == 0
    assert {"session:old", "sid:old"} <= names(client)


def test_the_cache_s_own_step_still_leaves_them_alone(client: redis.Redis, valkey_url: str) -> None:
    assert sum(connect(CachePlace("cache", valkey_url, owned=True)).unlink()) == 1
    assert {"session:old", "session:new"} <= names(client)
    assert "sid:old" not in names(client)


def test_a_server_that_counts_uses_instead_of_time_keeps_all(own_valkey: Valkey) -> None:
    with redis.Redis.from_url(own_valkey.url) as client:
        store(client, "session:old", 2 * MONTH)
        client.config_set("maxmemory-policy", "allkeys-lfu")
        assert clean(collector(own_valkey.url)) == []
        assert names(client) == {"session:old"}


def test_a_server_that_is_a_replica_by_now_is_no_quiet_failure(
    client: redis.Redis, valkey_url: str, own_valkey: Valkey
) -> None:
    asked = urlsplit(valkey_url)
    client.set("page:1", "x")
    own = urlsplit(own_valkey.url)._replace(path=asked.path).geturl()
    with redis.Redis.from_url(own) as replica:
        replica.replicaof(asked.hostname, asked.port)
        while cast("dict[str, str]", replica.info("replication"))["master_link_status"] != "up":
            time.sleep(0.02)
        with pytest.raises(redis.exceptions.ReadOnlyError):
            end(replica, [b"session:old"], 0)
    with pytest.raises(CacheError, match="replica") as caught:
        list(connect(CachePlace("web", own, ("page:*",))).unlink())
    assert caught.value.reason is Reason.READ_ONLY


def test_in_a_cluster_each_is_asked_where_it_lies(valkey_cluster: list[str]) -> None:
    clients = [redis.Redis.from_url(url) for url in valkey_cluster]
    for number in range(30):
        for client in clients:
            try:
                store(client, f"session:{{{number}}}", 2 * MONTH)
            except redis.ResponseError:
                continue
    stored = sum(len(names(client)) for client in clients)
    cache = connect(place(valkey_cluster[0]))
    assert stored == cache.usage().matching == sum(cache.unlink())
    for client in clients:
        client.close()


def test_an_ordinary_run_ends_them_where_the_configuration_says_so(
    client: redis.Redis, valkey_url: str, tmp_path: Path
) -> None:
    site = SmallSite(tmp_path / "app")
    site.configure(more=f'[sessions.web]\nurl = "{valkey_url}"\npatterns = ["session:*"]\nretention = "30d"\n')
    ran = site.dvornik("run", "sessions", "--yes")
    assert ran.code == 0, ran.out + ran.err
    assert "Removed 1 expired session" in ran.out
    assert "session:old" not in names(client)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('retention = "1d"', "sessions.x.patterns"),
        ('patterns = ["s:*"]', "sessions.x.retention"),
        ('patterns = ["s:*"]\nretention = "1d"\npath = "var"', "sessions.x.path"),
        ('patterns = ["s:*"]\nretention = "1d"\ntable = "session"', "sessions.x.table"),
    ],
)
def test_what_a_section_cannot_mean_is_an_error_that_names_it(tmp_path: Path, section: str, said: str) -> None:
    (tmp_path / "dvornik.toml").write_text(f'[sessions.x]\nurl = "redis://u:s3cret@h/1"\n{section}\n')
    with pytest.raises(ConfigurationError) as caught:
        load(None, {}, tmp_path)
    shown = f"{caught.value.message} {caught.value.context} {caught.value.hint}"
    assert said in shown
    assert "s3cret" not in shown
