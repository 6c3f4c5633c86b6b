"""An application that is no Django, on MariaDB and on MySQL: its media, sessions and tables, by ``dvornik.toml``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pymysql
import pytest

from tests.servers.mysql import on_mysql

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
[databases.main]
url = "${SITE_DATABASE}"

[media.uploads]
root = "uploads"
debris = ["*"]

[sessions.web]
table = "session"
column = "expires"
database = "main"

[policy]
max_share = 0.6
media_grace = "0"
allow_short_grace = true
"""
LONG_AGO = time.time() - 30 * 86_400


@pytest.fixture(params=["mariadb_url", on_mysql("mysql_url")])
def url(request: pytest.FixtureRequest) -> str:
    value: str = request.getfixturevalue(request.param)
    return value


@pytest.fixture
def site(tmp_path: Path, url: str) -> Path:
    place = urlsplit(url)
    who = {"user": place.username, "password": place.password or "", "database": place.path[1:]}
    with pymysql.connect(host=place.hostname, port=place.port or 3306, autocommit=True, **who) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE page (id int PRIMARY KEY, body longtext CHARACTER SET cp1251, more json)")
        cursor.execute("CREATE TABLE session (id varchar(40) PRIMARY KEY, expires int unsigned)")
        cursor.execute("""INSERT INTO page VALUES (7, 'см. <img src="/u/Ёлка 1.png">', '["a\\\\/b.jpg"]')""")
        cursor.execute("INSERT INTO session VALUES ('old', 1500000000), ('new', %s)", (int(time.time()) + 86_400,))
    (tmp_path / "uploads" / "a").mkdir(parents=True)
    for name in ("Ёлка 1.png", "a/b.jpg", "orphan.png"):
        path = tmp_path / "uploads" / name
        path.write_bytes(b"x" * 100)
        os.utime(path, (LONG_AGO, LONG_AGO))
    (tmp_path / "dvornik.toml").write_text(TOML)
    return tmp_path


def grant(url: str, statement: str) -> None:
    place = urlsplit(url)
    who = {"user": place.username, "password": place.password or ""}
    with pymysql.connect(host=place.hostname, port=place.port or 3306, **who) as connection:
        connection.cursor().execute(statement)


def dvornik(site: Path, url: str, *words: str) -> subprocess.CompletedProcess[str]:
    call = "from dvornik.cli.entry import dvornik; dvornik()"
    env = {**os.environ, "SITE_DATABASE": url, "LANG": "C.UTF-8", "DVORNIK_LANG": "en"}
    command = [sys.executable, "-c", call, *words]
    return subprocess.run(command, cwd=site, env=env, capture_output=True, text=True, check=False, timeout=100)


def test_what_a_row_names_stays_and_the_rest_goes(site: Path, url: str) -> None:
    ran = dvornik(site, url, "run", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    totals = json.loads(ran.stdout)["totals"]
    assert totals["media/orphan"]["done"] == totals["sessions/expired"]["done"] == 1
    left = sorted(path.name for path in (site / "uploads").rglob("*") if path.is_file())
    assert left == ["b.jpg", "Ёлка 1.png"]
    why = dvornik(site, url, "why", "uploads/Ёлка 1.png")
    assert "main/page.body id=7" in why.stdout


def test_a_user_who_sees_one_table_alone_judges_no_media(site: Path, url: str) -> None:
    place = urlsplit(url)
    user = f"u{place.path[-12:]}"
    grant(url, f"CREATE USER {user}@127.0.0.1 IDENTIFIED BY 'sesame'")
    grant(url, f"GRANT SELECT ON {place.path[1:]}.session TO {user}@127.0.0.1")
    ran = dvornik(site, place._replace(netloc=f"{user}:sesame@{place.hostname}:{place.port}").geturl(), "run")
    grant(url, f"DROP USER {user}@127.0.0.1")
    assert ran.returncode == 12, ran.stdout + ran.stderr
    assert "GRANT SELECT ON" in ran.stdout + ran.stderr
    assert "sesame" not in ran.stdout + ran.stderr
    assert len(list((site / "uploads").rglob("*.*"))) == 3
