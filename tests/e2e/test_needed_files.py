"""Every way that a database may name a file, on real servers, by the command line: only what none names goes."""

from __future__ import annotations

import base64
import gzip
import json
import os
import quopri
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pymysql
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

TOML = """
[databases.main]
url = "{url}"
[media.uploads]
root = "uploads"
debris = ["*"]
url = "/u/"
exact = {exact}
[policy]
max_share = 1.0
media_grace = "0"
allow_short_grace = true
"""
ORPHANS = {"nobody.jpg", "docs/00000000-ea7c-4f70-b322-0eb4db5deadb/nobody.pdf", "ab.png", "objects/ab/cd/" + "0" * 60}
UUIDS = [UUID(f"{number}957b886-ea7c-4f70-b322-0eb4db5deadb") for number in range(1, 8)]


def planned(site: Path, url: str, files: Sequence[str], exact: Sequence[str] = ()) -> set[str]:
    """Make the files and the orphans, let dvornik plan, and return what it would take."""
    for name in {*files, *ORPHANS}:
        path = site / "uploads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (site / "dvornik.toml").write_text(TOML.format(url=url, exact=json.dumps(exact)))
    call = "from dvornik.cli.entry import dvornik; dvornik()"
    command = [sys.executable, "-c", call, "run", "media", "--dry-run", "--json"]
    env = {**os.environ, "LANG": "C.UTF-8", "DVORNIK_LANG": "en"}
    ran = subprocess.run(command, cwd=site, env=env, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads(ran.stdout)["findings"]
    return {f"{each['container']}/{name}".lstrip("/") for each in found for name in each["names"]}


def ulid(uuid: UUID) -> str:
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    return "".join(digits[uuid.int >> shift & 31] for shift in range(125, -1, -5))


def deflated(text: bytes) -> bytes:
    """Pack as PHP's ``gzdeflate`` does."""
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return bare.compress(text) + bare.flush()


def swapped(uuid: UUID) -> bytes:
    """Write as MySQL's ``UUID_TO_BIN(…, 1)`` does."""
    return uuid.bytes[6:8] + uuid.bytes[4:6] + uuid.bytes[:4] + uuid.bytes[8:]


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def fanned(content: str, ending: str) -> str:
    """Return a path as stores by content make it: ``objects/ab/cd/ef01…``."""
    digest = sha256(content.encode()).hexdigest()
    return f"objects/{digest[:2]}/{digest[2:4]}/{digest[4:]}{ending}"


LONG = "l" * 44
BLOBS: Mapping[str, bytes] = {
    "msgpack.jpg": b"\x81\xa3src\xabmsgpack.jpg",
    f"protobuf-{LONG}.jpg": b"\x12\x01x\x0a\x39" + f"protobuf-{LONG}.jpg".encode(),
    f"marshal-{LONG}.jpg": b'\x04\x08I"\x3d' + f"marshal-{LONG}.jpg".encode() + b"\x06:\x06ET",
    "gzip.jpg": gzip.compress(b'{"a": "/u/gzip.jpg"}'),
    "deflate.jpg": deflated(b"[[File:deflate.jpg]] and so on, and so on"),
    "utf16.jpg": "see utf16.jpg".encode("utf-16"),
    "снимок 7.jpg": "см. снимок 7.jpg".encode("cp1251"),
    "php.jpg": b'a:1:{s:4:"file";s:7:"php.jpg";}',
    f"{UUIDS[0]}.jpg": UUIDS[0].bytes,
    f"{UUIDS[1]}.jpg": swapped(UUIDS[1]),
    f"{UUIDS[2]}.jpg": UUIDS[2].bytes_le,
    f"{ulid(UUIDS[3])}.jpg": UUIDS[3].bytes,
    fanned("in bytes", ".pdf"): sha256(b"in bytes").digest(),
}
TEXTS: Mapping[str, str] = {
    "in json 1.jpg": json.dumps({"data": coded('{"src": "/u/in json 1.jpg"}')}),
    "in-query.jpg": f"https://host/?state={coded('/u/2024/in-query.jpg').rstrip('=')}&x=1",
    "imgproxy.jpg": f"/insecure/rs:fill:300:400/{coded('local:///2024/imgproxy.jpg').rstrip('=')}.webp",
    "письмо 1.jpg": quopri.encodestring('<p>text</p><img src="/u/письмо 1.jpg">'.encode()).decode(),
    "softly-broken.jpg": '<img src=3D"/u/softly-bro=\r\nken.jpg">',
    f"docs/{UUIDS[4]}/original.pdf": str(UUIDS[4]),
    f"docs/{UUIDS[5]}/original.pdf": json.dumps({"id": str(UUIDS[5]), "text": "and so on " * 500}),
    "docs/V1StGXR8_Z5jdHi6B-myT/original.pdf": "V1StGXR8_Z5jdHi6B-myT",
    fanned("in a cell", ""): sha256(b"in a cell").hexdigest(),
    fanned("in a text", ".jpg"): json.dumps({"oid": sha256(b"in a text").hexdigest(), "text": "and so on " * 500}),
    "flags/ru.png": "ru",
}
POSTGRESQL = {
    "domain.jpg": "CREATE DOMAIN inner_path AS text; CREATE DOMAIN picture AS inner_path; CREATE TABLE t1 (a picture);"
    " INSERT INTO t1 VALUES ('x/domain.jpg')",
    "enum.jpg": "CREATE TYPE kind AS ENUM ('enum.jpg', 'b'); CREATE TABLE t2 (a kind)",
    "composite 1.jpg": "CREATE TYPE image AS (alt text, path text, body bytea); CREATE TABLE t3 (a image, b image[]);"
    """ INSERT INTO t3 VALUES (ROW('a "b"', 'x/composite 1.jpg', NULL), NULL)""",
    "of-array.jpg": "INSERT INTO t3 VALUES (NULL, ARRAY[ROW('a', 'of-array.jpg', NULL)::image])",
    "in-bytes.jpg": "INSERT INTO t3 VALUES (ROW('', '', convert_to('see /u/in-bytes.jpg there', 'UTF8')), NULL)",
    "range.jpg": "CREATE TYPE span AS RANGE (subtype = text); CREATE TABLE t4 (a span, b span[], c int4range);"
    " INSERT INTO t4 (a) VALUES ('[a/range.jpg,b)')",
    "of-ranges.jpg": "INSERT INTO t4 (b) VALUES (ARRAY['[of-ranges.jpg,z)'::span])",
    "key.jpg": """CREATE TABLE t5 (a jsonb); INSERT INTO t5 VALUES ('{"key.jpg": 1}')""",
    "materialized.jpg": "CREATE TABLE t6 (a text); INSERT INTO t6 VALUES ('materialized.jpg');"
    " CREATE MATERIALIZED VIEW m6 AS SELECT * FROM t6; DELETE FROM t6",
    "partition.jpg": "CREATE TABLE t7 (a text, n int) PARTITION BY LIST (n); CREATE TABLE t71 PARTITION OF t7 DEFAULT;"
    " INSERT INTO t7 VALUES ('partition.jpg', 1)",
    "child.jpg": "CREATE TABLE t8 (a text); CREATE TABLE t81 (b text) INHERITS (t8);"
    " INSERT INTO t81 VALUES ('x', 'child.jpg')",
    "default.jpg": "CREATE TABLE t9 (n numeric DEFAULT 1.5, a text DEFAULT 'avatars/default.jpg')",
    "view.jpg": "CREATE VIEW v9 AS SELECT coalesce(a, 'img/view.jpg') FROM t9",
    "function.jpg": "CREATE FUNCTION f9() RETURNS text LANGUAGE sql AS $$SELECT 'img/function.jpg'::text$$",
    "of-domain.jpg": "CREATE DOMAIN logo AS text DEFAULT 'of-domain.jpg'; CREATE TABLE t13 (a logo)",
    "argument.jpg": "CREATE FUNCTION f13() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW;END'; "
    "CREATE TRIGGER g13 BEFORE INSERT ON t13 FOR EACH ROW EXECUTE FUNCTION f13('argument.jpg')",
    "rule.jpg": "CREATE RULE r13 AS ON INSERT TO t13 DO ALSO UPDATE t9 SET a = 'rule.jpg'",
    "leaving.jpg": "CREATE TABLE t14 (a text) PARTITION BY LIST (a); CREATE TABLE t141 PARTITION OF t14 DEFAULT; "
    "INSERT INTO t14 VALUES ('leaving.jpg'); "
    "UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 't141'::regclass",
    "large.jpg": "SELECT lo_from_bytea(0, convert_to('see large.jpg', 'UTF8'))",
    "generated.jpg": "CREATE TABLE t10 (a text, b text GENERATED ALWAYS AS ('generated.' || a) STORED);"
    " INSERT INTO t10 VALUES ('jpg')",
    "row.jpg": "CREATE TABLE t11 (a t6); INSERT INTO t11 VALUES (ROW('row.jpg')::t6)",
    "schema.jpg": 'CREATE SCHEMA "Other one"; CREATE TABLE "Other one"."T" AS SELECT \'schema.jpg\'::varchar AS a',
    f"{ulid(UUIDS[6])}.webp": "CREATE TABLE t12 (a uuid);"
    " INSERT INTO t12 VALUES ('7957b886-ea7c-4f70-b322-0eb4db5deadb')",
}
SQLITE = {
    "default.jpg": "CREATE TABLE t1 (id int, a text DEFAULT 'avatars/default.jpg')",
    "view.jpg": "CREATE VIEW v1 AS SELECT coalesce(a, 'img/view.jpg') FROM t1",
    "trigger.jpg": "CREATE TRIGGER g1 AFTER INSERT ON t1 BEGIN UPDATE t1 SET a = 'trigger.jpg';END",
    "without-rowid.jpg": "CREATE TABLE t2 (a integer PRIMARY KEY, b) WITHOUT ROWID;"
    " INSERT INTO t2 VALUES ('without-rowid.jpg', 1)",
    "descending.jpg": "CREATE TABLE t3 (a INTEGER PRIMARY KEY DESC); INSERT INTO t3 VALUES ('descending.jpg')",
    "fts5.jpg": "CREATE VIRTUAL TABLE t4 USING fts5(a); INSERT INTO t4 VALUES ('see fts5.jpg')",
    "rtree.jpg": "CREATE VIRTUAL TABLE t5 USING rtree(id, x, y, +a); INSERT INTO t5 VALUES (1, 1, 2, 'rtree.jpg')",
    "generated.jpg": "CREATE TABLE t6 (a text, b text GENERATED ALWAYS AS ('generated.' || a) VIRTUAL);"
    " INSERT INTO t6 (a) VALUES ('jpg')",
    "of-number.jpg": "CREATE TABLE t7 (a numeric, b date); INSERT INTO t7 VALUES ('of-number.jpg', 1)",
    "a/exact 1.jpg": "CREATE TABLE photo (file text); INSERT INTO photo VALUES ('a/exact 1.jpg')",
}
MARIADB = {
    "key.jpg": """CREATE TABLE t1 (a json); INSERT INTO t1 VALUES ('{"key.jpg": 1}')""",
    "enum.jpg": "CREATE TABLE t2 (a enum('enum.jpg', 'b'))",
    "default.jpg": "CREATE TABLE t3 (n decimal(9,2) DEFAULT 1.5, a varchar(90) DEFAULT 'avatars/default.jpg')",
    "view.jpg": "CREATE VIEW v3 AS SELECT coalesce(a, 'img/view.jpg') FROM t3",
    "trigger.jpg": "CREATE TRIGGER g3 BEFORE INSERT ON t3 FOR EACH ROW SET NEW.a = 'trigger.jpg'",
    "function.jpg": "CREATE FUNCTION f3() RETURNS varchar(90) DETERMINISTIC RETURN 'img/function.jpg'",
    "compressed 1.jpg": "CREATE TABLE t4 (a longtext COMPRESSED, b longblob);"
    " INSERT INTO t4 VALUES ('see compressed%201.jpg', NULL)",
    "compress 2.jpg": "INSERT INTO t4 VALUES ('', COMPRESS('see compress 2.jpg and so on'))",
    "utf16 é.jpg": "CREATE TABLE t5 (a text CHARACTER SET utf16, b text CHARACTER SET sjis);"
    " INSERT INTO t5 VALUES ('utf16 é.jpg', '')",
    "写真 1.jpg": "INSERT INTO t5 VALUES ('', '写真 1.jpg')",
    "invisible.jpg": "CREATE TABLE t6 (id int, a text INVISIBLE); INSERT INTO t6 (id, a) VALUES (1, 'invisible.jpg')",
    "generated.jpg": "CREATE TABLE t7 (a varchar(9), b varchar(90) AS (concat('generated.', a)) VIRTUAL);"
    " INSERT INTO t7 (a) VALUES ('jpg')",
    "versioned.jpg": "CREATE TABLE t8 (a text) WITH SYSTEM VERSIONING; INSERT INTO t8 VALUES ('versioned.jpg');"
    " DELETE FROM t8",
    f"{ulid(UUIDS[6])}.webp": "CREATE TABLE t9 (a uuid);"
    " INSERT INTO t9 VALUES ('7957b886-ea7c-4f70-b322-0eb4db5deadb')",
}


def fill(execute: Callable[..., object], shapes: Mapping[str, str], mark: str, kinds: str) -> list[str]:
    """Make what names the files, and return those."""
    for statement in (part for shape in shapes.values() for part in shape.split("; ")):
        execute(statement)
    execute("CREATE TABLE body (a {}, b {})".format(*kinds.split()))
    for blob in BLOBS.values():
        execute("INSERT INTO body (a) VALUES (?)".replace("?", mark), (blob,))
    for text in TEXTS.values():
        execute("INSERT INTO body (b) VALUES (?)".replace("?", mark), (text,))
    return [*shapes, *BLOBS, *TEXTS]


def test_postgresql_names_files_in_all_these_ways(tmp_path: Path, each_postgresql_url: str) -> None:
    with psycopg.connect(each_postgresql_url, autocommit=True) as site:
        files = fill(lambda query, *values: site.execute(query.encode(), *values), POSTGRESQL, "%s", "bytea text")
    assert planned(tmp_path, each_postgresql_url, files) == ORPHANS


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
@pytest.mark.parametrize("exact", [[], ["photo.file"]])
def test_sqlite_names_files_in_all_these_ways(tmp_path: Path, encoding: str, exact: Sequence[str]) -> None:
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as site:
        site.execute(f"PRAGMA encoding = '{encoding}'")
        files = fill(site.execute, SQLITE, "?", "blob text")
    assert planned(tmp_path, f"sqlite:///{tmp_path / 'site.db'}", files, exact) == ORPHANS


def test_mariadb_names_files_in_all_these_ways(tmp_path: Path, mariadb_url: str) -> None:
    place = urlsplit(mariadb_url)
    who = {"user": place.username, "password": place.password or "", "database": place.path[1:]}
    with pymysql.connect(host=place.hostname, port=place.port or 3306, autocommit=True, **who) as site:
        files = fill(site.cursor().execute, MARIADB, "%s", "longblob longtext")
    assert planned(tmp_path, mariadb_url, files) == ORPHANS


def test_an_orphan_beside_a_file_that_is_used_goes_though_a_row_names_its_directory(tmp_path: Path) -> None:
    place = f"docs/{UUIDS[0]}"
    with closing(sqlite3.connect(tmp_path / "site.db", isolation_level=None)) as site:
        site.execute("CREATE TABLE doc AS SELECT ? AS id, ? AS file", (str(UUIDS[0]), f"{place}/new.pdf"))
    gone = planned(tmp_path, f"sqlite:///{tmp_path / 'site.db'}", [f"{place}/new.pdf", f"{place}/old.pdf"])
    assert gone == {*ORPHANS, f"{place}/old.pdf"}
