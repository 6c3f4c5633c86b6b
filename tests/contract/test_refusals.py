"""A server that lets nobody in is told apart from one that is not there, in whatever language it speaks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from dvornik import caches
from dvornik.application import CachePlace, DatabasePlace
from dvornik.databases import connect
from dvornik.errors import UnreachableError
from tests.servers import debian, mariadb, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.postgresql_15 import Programs
    from tests.servers.valkey import Valkey

HBA = """\
hostssl all tls 127.0.0.1/32 trust
host all pw,outcast 127.0.0.1/32 scram-sha-256
host all postgres,crowded,nobody,idle 127.0.0.1/32 trust
"""
ROLES = """\
CREATE ROLE pw LOGIN PASSWORD 's3cr3t'; CREATE ROLE tls LOGIN; CREATE ROLE crowded LOGIN CONNECTION LIMIT 0;
CREATE ROLE idle; CREATE ROLE other LOGIN;
CREATE DATABASE site; CREATE DATABASE closed; CREATE DATABASE private;
ALTER DATABASE closed ALLOW_CONNECTIONS false; REVOKE CONNECT ON DATABASE private FROM PUBLIC;
ALTER SYSTEM SET lc_messages = 'ru_RU.UTF-8'
"""
UNTRANSLATED = {"offers no encryption", "account of this user is locked"}
"""What the driver says in the server's place, and what MariaDB has no Russian for."""
RUSSIAN = re.compile("[а-я]{4}")


@pytest.fixture(scope="module")
def russian_postgresql(postgresql_15_programs: Programs) -> Iterator[str]:
    """Host and port of a server that speaks Russian and admits few."""
    import psycopg

    with tempfile.TemporaryDirectory(prefix="dvornik-pgru-", dir=postgresql._quick_directory()) as directory:
        home = Path(directory)
        home.chmod(0o755)
        if postgresql._user() is not None:
            os.chown(home, postgresql.NOBODY, postgresql.NOBODY)
        env = {**postgresql_15_programs.env, "LOCPATH": str(_russian_locale(home / "locales"))}
        with (
            postgresql._running(postgresql_15_programs.path, home, env) as url,
            psycopg.connect(url, autocommit=True) as connection,
        ):
            for statement in ROLES.split(";"):
                connection.execute(statement.encode())
            (home / "data" / "pg_hba.conf").write_text(HBA)
            connection.execute("SELECT pg_reload_conf()")
            _wait_for_russian(url)
            yield f"127.0.0.1:{urlsplit(url).port}"


def _russian_locale(directory: Path) -> Path:
    directory.mkdir(mode=0o755)
    sources = {} if os.path.isfile("/usr/share/i18n/locales/ru_RU") else {"I18NPATH": ""}  # noqa: PTH113 - a plain path
    if sources:
        sources["I18NPATH"] = str(debian.unpacked("locales") / "usr/share/i18n")
    command = ["localedef", "-i", "ru_RU", "-f", "UTF-8", str(directory / "ru_RU.UTF-8")]
    subprocess.run(command, env={**os.environ, **sources}, check=True, capture_output=True)
    return directory


def _wait_for_russian(url: str) -> None:
    import psycopg

    for _attempt in range(200):
        with psycopg.connect(url) as connection:
            if connection.execute("SHOW lc_messages").fetchone() == ("ru_RU.UTF-8",):
                return
        time.sleep(0.02)
    pytest.fail("the server keeps its language")


def refused(url: str) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        connect(DatabasePlace("main", url)).columns()
    assert "s3cr3t" not in f"{caught.value.message} {caught.value.context} {caught.value.hint}"
    return caught.value


@pytest.mark.parametrize(
    ("who", "said", "remedy"),
    [
        ("pw:wrong@{}/site", "refuses this user or password", "Correct user and password"),
        ("pw@{}/site", "its address has none", "Add the password"),
        ("outcast:s3cr3t@{}/site", "refuses this user or password", "Correct user and password"),
        ("nobody@{}/site", "no such user", "CREATE ROLE"),
        ("idle@{}/site", "may not log in", "LOGIN"),
        ("other@{}/site", "does not admit this user from this machine", "pg_hba.conf"),
        ("tls@{}/site?sslmode=disable", "does not admit this user from this machine", "sslmode=require"),
        ("postgres@{}/nothing", "no database of this name", "name at the end of the address"),
        ("postgres@{}/closed", "takes no connections", "ALLOW_CONNECTIONS"),
        ("pw:s3cr3t@{}/private", "may not connect", "GRANT CONNECT"),
        ("crowded@{}/site", "no connection left", "max_connections"),
    ],
)
def test_postgresql_says_by_its_code_why_it_lets_nobody_in(
    russian_postgresql: str, who: str, said: str, remedy: str
) -> None:
    error = refused("postgresql://" + who.format(russian_postgresql))
    assert said in error.message
    assert remedy in error.hint
    assert "its address has none" in said or RUSSIAN.search(error.context)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://u@127.0.0.1:1/site", "nothing listens"),
        ("postgresql://u@no-such-host.invalid/site", "host name"),
        ("postgresql:///site?host=/nowhere", "no such socket"),
        ("mysql://u@127.0.0.1:1/site", "nothing listens"),
        ("mysql://u@no-such-host.invalid/site", "host name"),
    ],
)
def test_a_server_that_is_not_there_is_told_by_the_system(url: str, said: str) -> None:
    error = refused(url)
    assert said in error.message
    assert error.hint


def test_a_server_without_encryption_is_said_to_have_none(postgresql_url: str) -> None:
    error = refused(f"{postgresql_url}?sslmode=require")
    assert "offers no encryption" in error.message
    assert "sslmode" in error.hint


@contextmanager
def answering(said: bytes) -> Iterator[int]:
    """Run a server that says the same to everyone, and closes; yield its port."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _address = listener.accept()
                with client:
                    client.sendall(said)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_another_kind_of_server_is_not_taken_for_a_database() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        error = refused(f"postgresql://u@127.0.0.1:{port}/site")
    assert "does not speak as PostgreSQL does" in error.message


@pytest.fixture(scope="module")
def russian_mariadb() -> Iterator[str]:
    """URL of a server that speaks Russian."""
    with (
        tempfile.TemporaryDirectory(prefix="dvornik-maru-", dir=postgresql._quick_directory()) as directory,
        mariadb.running(Path(directory)) as url,
    ):
        mariadb._administer(
            url,
            "CREATE DATABASE site",
            "CREATE USER pw@'127.0.0.1' IDENTIFIED BY 's3cr3t'",
            "CREATE USER one@'127.0.0.1' IDENTIFIED BY 's3cr3t' WITH MAX_USER_CONNECTIONS 1",
            "GRANT ALL ON site.* TO one@'127.0.0.1'",
            "CREATE USER gone@'127.0.0.1' IDENTIFIED BY 's3cr3t' ACCOUNT LOCK",
            "SET GLOBAL lc_messages = 'ru_RU'",
        )
        yield url


@pytest.mark.parametrize(
    ("who", "said", "remedy"),
    [
        ("pw:wrong@{}/site", "refuses this user or password", "Correct user and password"),
        ("pw@{}/site", "its address has none", "Add the password"),
        ("pw:wrong@{}/site?ssl_mode=DISABLED", "refuses this user or password", "must encrypt"),
        ("pw:s3cr3t@{}/site", "may not use the database", "GRANT"),
        ("pw:s3cr3t@{}/site?ssl_mode=REQUIRED", "offers no encryption", "ssl_mode"),
        ("gone:s3cr3t@{}/site", "account of this user is locked", "UNLOCK"),
        ("root:{password}@{}/nothing", "no database of this name", "name at the end of the address"),
    ],
)
def test_mariadb_says_by_its_code_why_it_lets_nobody_in(russian_mariadb: str, who: str, said: str, remedy: str) -> None:
    place = urlsplit(russian_mariadb)
    error = refused("mysql://" + who.format(f"127.0.0.1:{place.port}", password=place.password))
    assert said in error.message
    assert remedy in error.hint
    assert said in UNTRANSLATED or RUSSIAN.search(error.context)


def test_a_user_of_mariadb_without_a_session_left_is_told_of_the_limit(russian_mariadb: str) -> None:
    import pymysql

    port = urlsplit(russian_mariadb).port
    with pymysql.connect(host="127.0.0.1", port=port or 0, user="one", password="s3cr3t"):
        error = refused(f"mysql://one:s3cr3t@127.0.0.1:{port}/site")
    assert "no connection left" in error.message
    assert "MAX_USER_CONNECTIONS" in error.hint


def denied(url: str) -> caches.CacheError:
    with pytest.raises(caches.CacheError) as caught:
        caches.connect(CachePlace("default", url, ["*"])).usage()
    assert "s3cr3t" not in f"{caught.value.message} {caught.value.context} {caught.value.hint}"
    return caught.value


def test_valkey_says_why_it_lets_nobody_in(own_valkey: Valkey) -> None:
    import redis

    with_password = own_valkey.url.replace("//", "//:wrong@")
    assert "knows no password" in denied(with_password).message
    assert "no database of this number" in denied(own_valkey.url.removesuffix("/0") + "/99").message
    with redis.Redis.from_url(own_valkey.url) as client:
        client.execute_command("ACL SETUSER small on >s3cr3t ~* +ping +select")
        client.config_set("requirepass", "s3cr3t")
        assert "its address has none" in denied(own_valkey.url).message
        assert "refuses this user or password" in denied(with_password).message
        assert "does not permit INFO" in denied(own_valkey.url.replace("//", "//small:s3cr3t@")).message
        client.config_set("maxclients", 1)
        full = denied(own_valkey.url.replace("//", "//:s3cr3t@"))
    assert "no connection left" in full.message
    assert "maxclients" in full.hint


def test_valkey_in_protected_mode_is_not_taken_for_one_that_is_silent() -> None:
    with answering(b"-DENIED Redis is running in protected mode because no password is set\r\n") as port:
        error = denied(f"redis://127.0.0.1:{port}/0")
    assert "protected mode" in error.message
    assert "requirepass" in error.hint


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1:1/0", "nothing listens"),
        ("redis://no-such-host.invalid/0", "host name"),
        ("unix:///nowhere.sock", "no such socket"),
        ("memcached://127.0.0.1:1", "nothing listens"),
        ("memcached+unix:///nowhere.sock", "no such socket"),
    ],
)
def test_a_cache_that_is_not_there_is_told_by_the_system(url: str, said: str) -> None:
    error = denied(url)
    assert said in error.message
    assert error.hint


def test_encryption_on_the_wrong_side_is_named(valkey_tls: tuple[str, Path], own_valkey: Valkey) -> None:
    url, _certificate = valkey_tls
    assert "certificate is not trusted" in denied(url).message
    assert "encryption" in denied(url.replace("rediss:", "redis:")).hint
    assert "no encryption" in denied(own_valkey.url.replace("redis:", "rediss:")).hint
