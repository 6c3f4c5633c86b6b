"""A cluster, a service under Sentinel, and TLS: each with real servers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import redis

from dvornik.application import CachePlace
from dvornik.caches import CacheError, connect
from dvornik.errors import ConfigurationError
from dvornik.model import Reason

if TYPE_CHECKING:
    from pathlib import Path


def hosts(urls: list[str]) -> str:
    """Return host and port of each, joined by commas."""
    return ",".join(urlsplit(url).netloc for url in urls)


@pytest.mark.parametrize("form", ["detected", "declared"])
def test_a_cluster_is_cleared_on_every_primary(valkey_cluster: list[str], form: str) -> None:
    """Whether it was called a cluster or not; sessions and queues stay on each of them."""
    url = valkey_cluster[1] if form == "detected" else f"redis+cluster://127.0.0.1:1,{hosts(valkey_cluster)}"
    with redis.RedisCluster.from_url(valkey_cluster[0]) as client:
        for number in range(600):
            client.set(f":1:page:{number}", "x")
            client.set(f":1:django.contrib.sessions.cache{number}", "s")
        client.rpush("celery", "task")
        cache = connect(CachePlace("default", url, [":1:*"]))
        assert (cache.usage().matching, dict(cache.protected())) == (600, {"session": 600, "queue": 1})
        assert sum(cache.unlink()) == 600
        assert cache.usage().keys == 601


def test_a_cluster_with_a_part_missing_is_not_judged(valkey_cluster: list[str]) -> None:
    """What the rest holds is not the whole."""
    with redis.Redis.from_url(valkey_cluster[0]) as client:
        client.execute_command("CLUSTER", "DELSLOTS", 5)
    with pytest.raises(CacheError, match="part of the cluster"):
        connect(CachePlace("default", valkey_cluster[0], ["*"])).usage()


def test_sentinel_names_the_primary(valkey_sentinel: tuple[str, str]) -> None:
    """Though the first Sentinel of the address does not answer; the service is what a plan is good for."""
    address, primary = valkey_sentinel
    with redis.Redis.from_url(primary) as client:
        client.mset({":1:a": "1", "b": "1"})
        cache = connect(CachePlace("default", address, [":1:*"]))
        assert sum(cache.unlink()) == 1
        assert client.dbsize() == 1
    assert cache.fingerprint().endswith("/main/0")


def test_a_service_that_sentinel_does_not_know_is_an_error(valkey_sentinel: tuple[str, str]) -> None:
    """That names the address."""
    with pytest.raises(CacheError) as caught:
        connect(CachePlace("default", valkey_sentinel[0].replace("/main/", "/other/"), ["*"])).usage()
    assert caught.value.reason is Reason.UNREACHABLE
    assert "/other/0" in caught.value.context


def test_a_sentinel_without_a_service_is_a_configuration_error() -> None:
    """Before anything is sent; nothing of the address is repeated."""
    with pytest.raises(ConfigurationError) as caught:
        connect(CachePlace("default", "redis+sentinel://:s3cret@h:26379", ["*"]))
    assert "s3cret" not in f"{caught.value} {caught.value.context}"


def test_over_tls_the_certificate_is_checked(valkey_tls: tuple[str, Path]) -> None:
    """Trusted when it is named, refused otherwise."""
    url, certificate = valkey_tls
    cache = connect(CachePlace("default", f"{url}?ssl_ca_certs={certificate}", ["*"]))
    assert cache.usage().matching == 0
    with pytest.raises(CacheError) as caught:
        connect(CachePlace("default", url, ["*"])).usage()
    assert caught.value.reason is Reason.UNREACHABLE
