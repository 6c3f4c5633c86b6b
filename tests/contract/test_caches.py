"""What every cache must do, on a real Valkey (or the Redis of ``DVORNIK_TEST_REDIS_URL``)."""

from __future__ import annotations

import socket
import sys
import time
from typing import TYPE_CHECKING, cast

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dvornik.application import CachePlace
from dvornik.caches import CacheError, connect
from dvornik.caches.patterns import compiled, kind_of, kinds_of, prefix_of
from dvornik.errors import ConfigurationError
from dvornik.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.valkey import Valkey

OTHERS = {
    b":1:django.contrib.sessions.cache5f3k",
    b"celery",
    b"_kombu.binding.celery",
    b"unacked_mutex",
    b"celery-task-meta-7d",
    b":1:report-lock",
    b"orders:stream",
    b":1:basket",
    b"plain",
    b"other:1:page",
}


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    """Return a client of the empty database."""
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def shared(client: redis.Redis) -> redis.Redis:
    """Return a database that a cache shares with sessions, a task queue and locks."""
    client.mset({f":1:page:{number}": "x" * 100 for number in range(20)})
    client.mset(
        {":1:django.contrib.sessions.cache5f3k": "s", "unacked_mutex": "1", "celery-task-meta-7d": "{}",
         ":1:report-lock": "token", "plain": "1", "other:1:page": "1"}
    )  # fmt: skip
    client.rpush("celery", "task")
    client.sadd("_kombu.binding.celery", "x")
    client.xadd("orders:stream", {"a": "b"})
    client.hset(":1:basket", "item", "1")
    return client


def left(client: redis.Redis) -> set[bytes]:
    """Return the names of all keys that are there."""
    return set(cast("list[bytes]", client.keys()))


def test_in_a_shared_database_only_the_cache_s_own_entries_go(shared: redis.Redis, valkey_url: str) -> None:
    """Sessions, queue, results, lock, stream, hash and keys of others stay."""
    cache = connect(CachePlace("default", valkey_url, [":1:*"]))
    assert cache.usage().matching == 20
    assert sum(cache.unlink()) == 20
    assert left(shared) == OTHERS


def test_in_an_owned_database_what_is_no_entry_stays_too(shared: redis.Redis, valkey_url: str) -> None:
    """Being told that the database is the cache's own is no leave to drop a queue that is seen in it."""
    cache = connect(CachePlace("default", valkey_url, owned=True))
    assert cache.usage().matching == 22
    assert sum(cache.unlink()) == 22
    assert left(shared) == OTHERS - {b"plain", b"other:1:page"}


def test_without_patterns_nothing_goes(shared: redis.Redis, valkey_url: str) -> None:
    """Nobody has said what is the cache's own."""
    before = left(shared)
    cache = connect(CachePlace("default", valkey_url))
    assert cache.usage().matching == 0
    assert list(cache.unlink()) == []
    assert left(shared) == before


def test_what_is_protected_is_counted_by_kind(shared: redis.Redis, valkey_url: str) -> None:
    """By name where it tells, else by type."""
    cache = connect(CachePlace("default", valkey_url, [":1:*"]))
    assert cache.protected() == {"session": 1, "queue": 5, "lock": 1, "hash": 1}
    assert sum(cache.protected().values()) == len(OTHERS) - 2


def test_measuring_changes_nothing(shared: redis.Redis, valkey_url: str) -> None:
    """Asked of the server itself: no command that writes was called."""
    cache = connect(CachePlace("default", valkey_url, [":1:*"]))
    shared.config_resetstat()
    usage = cache.usage()
    cache.protected()
    assert set(cast("dict[str, object]", shared.info("commandstats"))) <= {
        f"cmdstat_{name}"
        for name in ("ping", "scan", "pttl", "dbsize", "info", "select", "config|resetstat", "client|setinfo", "hello")
    }
    assert usage.keys >= 30
    assert usage.size > 0


def test_a_prefix_with_glob_characters_matches_itself_alone(client: redis.Redis, valkey_url: str) -> None:
    """The one that found the prefix has escaped it."""
    client.mset({"a*b:1:x": "1", "aXb:1:x": "1", "a*b:2:x": "1"})
    cache = connect(CachePlace("default", valkey_url, [r"a\*b:1:*"]))
    assert sum(cache.unlink()) == 1
    assert left(client) == {b"aXb:1:x", b"a*b:2:x"}


def test_patterns_that_overlap_count_a_key_once(client: redis.Redis, valkey_url: str) -> None:
    """What was measured is what goes."""
    client.mset({f"a:{number}": "1" for number in range(30)})
    cache = connect(CachePlace("default", valkey_url, ["a:*", "a:1*", "b:*"]))
    assert cache.usage().matching == 30
    assert sum(cache.unlink()) == 30


def test_names_of_any_bytes_go_as_well(client: redis.Redis, valkey_url: str) -> None:
    """Newlines, zero bytes, bytes that are not text."""
    client.mset(dict.fromkeys((b":1:a\nb", b":1:\x00\xff", ":1:ключ".encode(), "ключ".encode()), "1"))
    assert sum(connect(CachePlace("default", valkey_url, [":1:*"])).unlink()) == 3
    assert left(client) == {"ключ".encode()}


def test_fifty_thousand_keys_go_in_bounded_batches(client: redis.Redis, valkey_url: str) -> None:
    """One UNLINK a page; KEYS and the flushes are never called."""
    for start in range(0, 50_000, 5_000):
        client.mset({f":1:{number}": "x" * 50 for number in range(start, start + 5_000)})
    client.set("other", "1")
    client.config_resetstat()
    batches = list(connect(CachePlace("default", valkey_url, [":1:*"])).unlink())
    called = {name.removeprefix("cmdstat_") for name in cast("dict[str, object]", client.info("commandstats"))}
    assert sum(batches) == 50_000
    assert max(batches) <= 1_000
    assert called.isdisjoint({"keys", "flushdb", "flushall", "del"})
    assert left(client) == {b"other"}


def test_a_server_that_stops_midway_is_an_honest_error(own_valkey: Valkey) -> None:
    """What was yielded by then is gone; the rest is not claimed."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.mset({f":1:{number}": "x" for number in range(5_000)})
    pages = connect(CachePlace("default", own_valkey.url, [":1:*"])).unlink()
    assert next(pages) > 0
    own_valkey.stop()
    with pytest.raises(CacheError) as caught:
        list(pages)
    assert caught.value.reason is Reason.UNREACHABLE
    assert "default: 127.0.0.1:" in caught.value.context


def test_a_server_that_hangs_is_given_up(own_valkey: Valkey) -> None:
    """Within seconds."""
    cache = connect(CachePlace("default", own_valkey.url, ["*"]))
    own_valkey.freeze()
    started = time.monotonic()
    with pytest.raises(CacheError, match="no answer came in time"):
        cache.usage()
    assert time.monotonic() - started < 12


def test_a_wrong_password_is_refused_and_never_repeated(own_valkey: Valkey) -> None:
    """Neither in the message nor in what belongs to it, nor in the chain of causes."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.config_set("requirepass", "right")
    url = own_valkey.url.replace("//", "//:s3cret@")
    with pytest.raises(CacheError) as caught:
        connect(CachePlace("default", url, ["*"])).usage()
    error = caught.value
    assert error.reason is Reason.DENIED
    assert "s3cret" not in " ".join(map(str, (error, error.context, error.hint, error.__cause__, error.__context__)))


def test_a_user_without_permission_to_remove_is_told_so(own_valkey: Valkey) -> None:
    """Measuring works, dropping is denied."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.set("a", "1")
        client.execute_command("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-unlink")
    cache = connect(CachePlace("default", own_valkey.url.replace("//", "//reader:pw@"), ["a"]))
    assert cache.usage().matching == 1
    with pytest.raises(CacheError) as caught:
        list(cache.unlink())
    assert caught.value.reason is Reason.DENIED


def test_a_unix_socket_is_an_address_too(own_valkey: Valkey) -> None:
    """With the database in the query."""
    with redis.Redis.from_url(f"unix://{own_valkey.socket}?db=3") as client:
        client.set("a", "1")
    cache = connect(CachePlace("default", f"unix://{own_valkey.socket}?db=3", ["a"]))
    assert sum(cache.unlink()) == 1
    assert cache.fingerprint().endswith("valkey.sock/3")


def test_databases_of_one_server_have_different_fingerprints(valkey_url: str) -> None:
    """A plan for one is not for the other; no password shows."""
    one, other = (connect(CachePlace("c", f"redis://u:pw@localhost/{number}")).fingerprint() for number in (1, 2))
    assert one != other
    assert "pw" not in one


def test_nobody_listening_is_an_error_that_names_the_place() -> None:
    """Not a trace."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(CacheError) as caught:
        connect(CachePlace("default", f"redis://:s3cret@127.0.0.1:{port}/0", ["*"])).usage()
    assert caught.value.exit_code == 12
    assert "s3cret" not in f"{caught.value} {caught.value.context}"


@pytest.mark.parametrize("url", ["", "http://h/", "redis://u:s3cret@host:s3cret/0", "redis://[s3cret/0"])
def test_an_address_that_cannot_be_read_is_a_configuration_error(url: str) -> None:
    """And does not repeat what may be a password."""
    with pytest.raises(ConfigurationError) as caught:
        connect(CachePlace("default", url, ["*"]))
    assert "s3cret" not in f"{caught.value} {caught.value.context} {caught.value.hint} {caught.value.__cause__}"


@pytest.mark.parametrize("pattern", ["a[", "a[]*", "[^]"])
def test_a_bracket_that_is_not_closed_is_a_configuration_error(pattern: str) -> None:
    """Servers differ in what they make of it."""
    with pytest.raises(ConfigurationError):
        connect(CachePlace("default", "redis://localhost", [pattern]))


def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, ready to be copied."""
    monkeypatch.delitem(sys.modules, "dvornik.caches.redis", raising=False)
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError) as caught:
        connect(CachePlace("default", "redis://localhost"))
    assert caught.value.hint == "pip install 'redis[hiredis]>=6'"


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (":1:django.contrib.sessions.cached_db7", "session"),
        ("session:5e", "session"),
        ("sess:a-b", "session"),
        ("PHPREDIS_SESSION:8", "session"),
        ("spring:session:sessions:1", "session"),
        ("rq:job:5", "queue"),
        ("arq:result:1", "queue"),
        ("dramatiq:default.msgs", "queue"),
        ("bull:mail:12", "queue"),
        ("celeryev.worker", "queue"),
        ("asgi:group:chat", "queue"),
        ("_kombu.binding.x", "queue"),
        (":1:cleanup_lock", "lock"),
        ("mylock", "lock"),
        ("redlock:x", "lock"),
        (":1:template.cache.block.sidebar", ""),
        (":1:clock", ""),
        (":1:views.decorators.cache.cache_page.x", ""),
        (":1:possession", ""),
        (":1:arquivo", ""),
    ],
)
def test_names_tell_sessions_queues_and_locks_from_entries(key: str, kind: str) -> None:
    """As the usual libraries name them."""
    assert kind_of(key.encode()) == kind


@pytest.mark.parametrize(
    "key",
    [
        ":1:blacklist:7f25", "token_blacklist:abc", "revoked:jti:5", "jwt_denylist", "otp:+49",
        ":1:totp-used:7", "axes-9f2", "defender:failed:ip:10.0.0.1", "throttle_anon_10.0.0.1", ":1:rl:8e1",
        "allauth:rl:login:ip", "LIMITER/10.0.0.1/x", "rack::attack:5:login", "login_attempts:ann",
        "loginAttempts:ann", "lockout:ann", "banned:10.0.0.1", "nonce:77", "sms_code:+49",
        "email-verification:5", "magic_link:x", "password_reset:5", "rate-limit:5", "refresh_token:ann",
        "mfa:5", "auth:onetime:7", "captcha:5",
    ],
)  # fmt: skip
def test_what_bars_somebody_is_no_entry(key: str) -> None:
    """As the usual libraries and tutorials name them."""
    assert kind_of(key.encode()) in {"guard", "lock"}


@pytest.mark.parametrize(
    "key",
    [
        ":1:page",
        "views.decorators.cache.block",
        "banner:5",
        "tokenizer:5",
        "list:limit:10",
        "url:5",
        "timeline",
        "barcode:5",
    ],
)
def test_an_entry_is_not_taken_for_what_bars_somebody(key: str) -> None:
    """A part of a word is another word."""
    assert kind_of(key.encode()) == ""


@pytest.mark.parametrize(
    ("pattern", "gone"),
    [
        ("*", {b"shop:page"}),
        ("shop:*", {b"shop:page"}),
        ("shop:otp:*", {b"shop:otp:5"}),
        ("shop:t*", set()),
        ("token*", {b"token-shop:page"}),
    ],
)
def test_what_bars_somebody_goes_only_where_a_pattern_says_its_word(
    client: redis.Redis, valkey_url: str, pattern: str, gone: set[bytes]
) -> None:
    """A prefix that happens to hold such a word says nothing of what follows it."""
    keys = ["shop:page", "shop:otp:5", "shop:token:5", "token-shop:page", "token-shop:otp:5"]
    client.mset(dict.fromkeys(keys, "1"))
    cache = connect(CachePlace("default", valkey_url, [pattern]))
    assert cache.usage().matching == len(gone)
    assert sum(cache.unlink()) == len(gone)
    assert {key.encode() for key in keys} - left(client) == gone


LETTERS = st.sampled_from([b"a", b"b", b"c", b"-", b"*", b"?", b"[", b"]", b"^", b"\\", b"\n", b"\xff"])
KEYS = st.lists(st.lists(LETTERS, min_size=1, max_size=5).map(b"".join), min_size=1, max_size=12, unique=True)
PARTS = st.sampled_from(
    ["a", "b", "*", "?", "[ab]", "[^a]", "[a-c]", "[c-a]", r"[\]a]", r"\*", r"\?", r"\[", "-", "]", "^"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=KEYS, parts=st.lists(PARTS, min_size=1, max_size=6))
def test_a_pattern_means_what_the_server_means(client: redis.Redis, keys: list[bytes], parts: list[str]) -> None:
    """Key by key, for any pattern."""
    client.flushdb()
    client.mset(dict.fromkeys(keys, "1"))
    pattern = "".join(parts)
    expression = compiled(pattern)
    assert {key for key in keys if expression.fullmatch(key)} == set(cast("list[bytes]", client.keys(pattern)))


NAMES = st.sampled_from(
    [
        "otp",
        "limit",
        "rl",
        "Token",
        "ban",
        "attempts",
        "sess",
        "job",
        "page",
        "Lock",
        "block",
        "rq",
        "asgi",
        "views",
        "5",
        ":",
        "_",
        "\n",
        "session",
    ]
)


@given(st.lists(st.lists(NAMES, max_size=6).map("".join), max_size=20))
def test_a_page_of_names_is_judged_as_each_of_them_is(names: list[str]) -> None:
    """The quick look over the whole page misses none."""
    keys = [name.encode() for name in names]
    assert kinds_of(keys) == [kind_of(key) for key in keys]


def test_what_follows_the_word_session_is_never_shown() -> None:
    """It is the key to somebody's account."""
    assert prefix_of(b":1:django.contrib.sessions.cache5f3k") == ":1:django.contrib.sessions"
    assert prefix_of(b"sess:s3cret") == "sess"


def test_only_entries_that_nobody_asked_for_lately_go(client: redis.Redis, valkey_url: str) -> None:
    """The server knows; asking it is no use of the key."""
    client.mset({"old": "1", "new": "1"})
    client.restore("older", 0, cast("bytes", client.dump("old")), idletime=1000)
    cache = connect(CachePlace("default", valkey_url, ["*"], idle=900))
    usage = cache.usage()
    assert (usage.matching, dict(usage.kept)) == (1, {"recent": 2})
    assert sum(cache.unlink()) == 1
    assert left(client) == {b"old", b"new"}


def test_a_server_that_counts_uses_cannot_tell_idle_time(own_valkey: Valkey) -> None:
    """Hence everything stays."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.config_set("maxmemory-policy", "allkeys-lfu")
        client.set("a", "1")
    cache = connect(CachePlace("default", own_valkey.url, ["*"], idle=1))
    assert dict(cache.usage().kept) == {"lfu": 1}
    assert sum(cache.unlink()) == 0


def test_entries_that_expire_by_themselves_may_stay(client: redis.Redis, valkey_url: str) -> None:
    """Only what fills the server for good goes then."""
    client.set("a", "1", ex=500)
    client.set("b", "1")
    cache = connect(CachePlace("default", valkey_url, ["*"], only_without_ttl=True))
    assert dict(cache.usage().kept) == {"expiring": 1}
    assert sum(cache.unlink()) == 1
    assert left(client) == {b"a"}


def test_sessions_that_never_expire_are_told_of(client: redis.Redis, valkey_url: str) -> None:
    """By the beginning of their names; those that expire are nobody's trouble."""
    client.set("session:1", "1", ex=500)
    client.mset({"session:2": "1", "session:3": "1", "sess:4": "1"})
    cache = connect(CachePlace("default", valkey_url, ["*"]))
    assert dict(cache.usage().lasting) == {"session": 2, "sess": 1}
    assert sum(cache.unlink()) == 0


@pytest.mark.parametrize("lacking", ["unlink", "object|idletime", "scan"])
def test_a_command_that_is_not_permitted_is_named_and_nothing_goes(own_valkey: Valkey, lacking: str) -> None:
    """With what permits it."""
    with redis.Redis.from_url(own_valkey.url) as client:
        client.restore("a", 0, client.set("b", "1") and cast("bytes", client.dump("b")), idletime=1000)
        client.execute_command("ACL", "SETUSER", "cleaner", "on", ">pw", "~*", "+@all", f"-{lacking}")
    cache = connect(CachePlace("default", own_valkey.url.replace("//", "//cleaner:pw@"), ["a"], idle=900))
    with pytest.raises(CacheError) as caught:
        list(cache.unlink())
    assert (caught.value.reason, caught.value.hint) == (Reason.DENIED, f"ACL SETUSER … +{lacking}")
    with redis.Redis.from_url(own_valkey.url) as client:
        assert client.dbsize() == 2


def test_a_user_with_the_rights_that_the_page_names_can_clean(own_valkey: Valkey) -> None:
    """No more than those."""
    rights = ["+ping", "+info", "+scan", "+dbsize", "+unlink", "+pttl", "+select", "+object|idletime"]
    with redis.Redis.from_url(own_valkey.url) as client:
        client.execute_command("ACL", "SETUSER", "cleaner", "on", ">pw", "~shop:1:*", *rights)
        client.restore("shop:1:a", 0, client.set("b", "1") and cast("bytes", client.dump("b")), idletime=1000)
    url = own_valkey.url.replace("//", "//cleaner:pw@")
    cache = connect(CachePlace("default", url, ["shop:1:*"], idle=900, only_without_ttl=True))
    assert cache.usage().matching == 1
    assert sum(cache.unlink()) == 1
