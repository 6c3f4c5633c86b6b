"""Needed files referred to in every odd shape, beside a few orphans: the real command takes the orphans alone."""

from __future__ import annotations

import base64
import gzip
import html
import json
import pickle
import sqlite3
import struct
import subprocess
import zlib
from contextlib import closing
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import quote

import psycopg
import pytest

from dvornik.references.names import Names
from tests.attack.grounds import COMMAND, environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SETTINGS = """
[app]
kind = "declared"
[policy]
media_grace = "0"
allow_short_grace = true
max_share = 0.9
max_orphans = 0.9
[media.pub]
root = "media"
url = "https://cdn.example.com/media/"
debris = ["*"]
[references]
paths = ["texts"]
[databases.default]
url = "{url}"
"""
RAW_HTML = base64.b64encode(quote('<img src="/media/wpbakery.png">').encode()).decode()


def signed(value: object) -> str:
    """Pack and sign as Django does a session."""
    packed = base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode())).rstrip(b"=").decode()
    return f".{packed}:1vMx2a:kM3yUz2sJ9XQ"


LONG = "é" * 125 + ".jpg"
CELLS: dict[str, str | bytes] = {
    "a/nfc/йод ё.jpg": normalize("NFD", "/media/a/nfc/йод ё.jpg"),
    normalize("NFD", "a/nfd/йод.jpg"): "![кот](/media/a/nfd/йод.jpg)",
    "percent twice.png": quote(quote("/media/percent twice.png")),
    "entities & <b>.png": "<img src='" + html.escape("entities & <b>.png") + "'>",
    "numbers ф.png": "".join(f"&#{ord(letter)};" for letter in "numbers ф.png"),
    "hex ф.png": "".join(f"&#x{ord(letter):X};" for letter in "hex ф.png"),
    "caf\u00e9.png": "caf&eacute;.png",
    "json ф.png": json.dumps(json.dumps({"a": "/media/json ф.png"})),
    "slashes.png": r'{"src": "\/media\/slashes.png"}',
    "back/slash.png": r"C:\uploads\back\slash.png",
    "cdn.png": "https://cdn.example.com/media/cdn.png?v=3#x",
    "other-cdn.png": "//images.elsewhere.net/resize/300x/other-cdn.png",
    "set1.png": '<img srcset="/media/set1.png 1x, /media/set2.png 2x">',
    "set2.png": "",
    "css.png": "background:url('/media/css.png')",
    "md title.png": '![x](</media/md title.png> "A title")',
    "query a.png": "/download?file=a%2Fquery%20a.png&x=1",
    "comma, semi;.png": "/media/comma, semi;.png",
    'it\'s "quoted".png': json.dumps('it\'s "quoted".png'),
    "[brackets] (1).png": "see [brackets] (1).png.",
    "party 🎉.png": json.dumps("party 🎉.png"),
    "line\nbreak.png": json.dumps("line\nbreak.png"),
    LONG: quote(LONG),
    "noextension": "/media/noextension",
    "UPPER.JPG": "upper.jpg",
    "php ф.png": 'a:1:{s:4:"file";s:10:"php ф.png";}',
    "yaml.png": "image:\n  - /media/yaml.png\n",
    "yaml esc ф.png": '"yaml esc \\u0444.png"',
    "pickled.png": pickle.dumps({"file": "pickled.png"}),
    "pickled ф.png": pickle.dumps(["pickled ф.png"]),
    "utf16.png": "see /media/utf16.png here".encode("utf-16"),
    "utf16 ф.png": "<p>see /media/utf16 ф.png here</p>".encode("utf-16-le"),
    "utf16 be ф.png": "<p>see /media/utf16 be ф.png here</p>".encode("utf-16-be"),
    "cp1251 фото.png": "смотри cp1251 фото.png".encode("cp1251"),
    "array.png": "{x,array.png}",
    "array sp ace.png": '{x,"array sp ace.png"}',
    "hstore.png": '"a"=>"hstore.png"',
    "composite x.png": '(1,"composite x.png")',
    "cdata.png": "<a><![CDATA[<img src=cdata.png>]]></a>",
    "stem_only_1.png": "stem_only_1",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301.png": "3f2504e04f8911d39a0c0305e82c3301",
    "6f2504e0-4f89-11d3-9a0c-0305e82c3302.png": "6F2504E0-4F89-11D3-9A0C-0305E82C3302",
    "ab/cd/abcd0123456789abcdef0123456789ab": "abcd0123456789abcdef0123456789ab",
    "folder/2024/one.png": "folder/2024/",
    "folder/2024/deep/two.png": "",
    "album one/three.png": "/media/album%20one/",
    "42.jpg": "",
    "1234567.png": "",
    "tracked.pdf": "mailto:x?body=https%3A%2F%2Fcdn.example.com%2Fmedia%2Ftracked.pdf",
    "under_score.png": "![](under\\_score.png)",
    "plus+sign.png": "/media/plus%2Bsign.png",
    "a b c.png": "/search?q=a+b+c.png",
    "hash#1.png": "/media/hash%231.png",
    "50% off.png": "/media/50%25%20off.png",
    "tab\there.png": "tab%09here.png",
    "точка.в.имени.png": "Файл «точка.в.имени.png»",
    "ß straße.png": "SS STRASSE.PNG",
    "dotless ı.png": "DOTLESS I.PNG",
    "画像1.png": "これは画像1.pngです",
    "soft.deleted.png": "deleted:soft.deleted.png",
    "trailing.png": "trailing.png.",
    "double..dot.png": "double..dot.png",
    ".hidden.png": "/media/.hidden.png",
    "pickled two.png": pickle.dumps({"file": "pickled two.png"}, 2),  # a mark that is a letter follows the name
    "pickled two ф.png": pickle.dumps({"file": "x/pickled two ф.png"}, 2),
    f"{'0f' * 32}.png": pickle.dumps([f"{'0f' * 32}.png"], 4),  # its length, 68, is the letter D before it
    "sqlite-jsonb.png": b"\x8c\x17f\xc7\x10sqlite-jsonb.png\x67summer",
    "packed.png": zlib.compress(b'{"file": "/media/packed.png"}'),
    "gzip.png": gzip.compress("см. /media/gzip.png".encode()),
    "mysql-compress.png": struct.pack("<I", 25) + zlib.compress(b"<img src=mysql-compress.png>"),
    "base64.png": base64.b64encode(b'{"file": "/media/base64.png"}').decode(),
    "base64 pickle.png": base64.b64encode(zlib.compress(pickle.dumps({"a": "base64 pickle.png"}, 2))).decode(),
    "signed.png": signed({"step": {"file": "signed.png"}}),
    "wpbakery.png": f"[vc_row][vc_raw_html]{RAW_HTML}[/vc_raw_html][/vc_row]",
    "a9f2504e04f8911d39a0c0305e82c330.png": "a9f2504e-04f8-911d-39a0-c0305e82c330",
    "b9f2504e-04f8-911d-39a0-c0305e82c330.png": bytes.fromhex("b9f2504e04f8911d39a0c0305e82c330"),
    "cloud/public_id_77.jpg": "cloud/public_id_77",
    "cloud/public_id_78.jpg": "https://res.example.com/image/upload/v1/cloud/public_id_78",
    "cloud/public_id_79.jpg": json.dumps({"ids": ["cloud/public_id_79"]}),
    "cloud/public_id_80.jpg": "{public_id_80,x}",
    "cloud/public_id_81.jpg": "public_id_1,public_id_81",
    "альбомы/лето/four.png": '<a href="https://example.com/media/' + quote("альбомы/лето") + '/">',
    "альбомы/зима/five.png": "x " * 200 + json.dumps("альбомы/зима/"),
    "slashed/six.png": "slashed/",
    "winter-2031/seven.png": "winter-2031",
    "template.png": "",
    "straddles.png": "",
    "fixture ф.png": "",
}
"""The path of a needed file and the cell that names it; empty: another cell, a text file or a rule does."""
ORPHANS = (
    "orphan.png",
    "a/lost one.jpg",
    "summer/image.png",
    "cloud/public_id_90.jpg",
    "album-2032/lost.png",
    "folder/2023/orphaned.png",
    "stem_only_2.png",
    "noextensions",
)


class Site:
    """A site without a framework, told by a ``dvornik.toml``."""

    def __init__(self, root: Path, url: str, more: Sequence[str] = ()) -> None:
        """Make its files and texts at ``root``."""
        self.root = root
        self.names = (*CELLS, *ORPHANS, *more)
        for name in self.names:
            path = root / "media" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        texts = root / "texts/deep"
        texts.mkdir(parents=True)
        (texts / "base.html").write_text('<img src="{{ MEDIA_URL }}template.png">')
        (texts / "big.bin").write_bytes(b"\0x" * ((1 << 19) - 4) + b" straddles.png " + b"x " * 100)
        (texts / "fixture.json").write_text(json.dumps({"x": "fixture ф.png"}))
        (root / "dvornik.toml").write_text(SETTINGS.format(url=url))

    def run(self, *words: str) -> str:
        """Run the command and return what it said."""
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=self.root, env=environment(), capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def lost(self) -> set[str]:
        return {name for name in self.names if not (self.root / "media" / name).exists()}


@pytest.mark.parametrize("path", [path for path, cell in CELLS.items() if cell])
def test_each_shape_by_itself_keeps_its_file(path: str) -> None:
    """Among many a name's words may be found in other cells."""
    names = Names("/srv/media", "https://cdn.example.com/media/")
    container, _slash, name = path.rpartition("/")
    names.add(container, [name])
    names.add("other", ["unrelated.gif", "another.pdf"])
    cell = CELLS[path]
    names.strike_texts([cell if isinstance(cell, bytes) else cell.encode()])
    assert names.is_used(container, name)


def test_of_the_torture_set_on_sqlite_the_orphans_go_and_nothing_else(tmp_path: Path) -> None:
    site = Site(tmp_path, "sqlite:///site.db")
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        connection.execute("CREATE TABLE page (id integer PRIMARY KEY, body)")
        connection.executemany("INSERT INTO page (body) VALUES (?)", [(cell,) for cell in CELLS.values() if cell])
        connection.commit()
    assert f"{len(ORPHANS)} unused" in site.run("run", "media")
    assert site.lost == set(ORPHANS)


POSTGRESQL = """
CREATE TABLE page (id serial PRIMARY KEY, body text, raw bytea);
CREATE TYPE kind AS ENUM ('enum.png', 'other');
CREATE DOMAIN place AS varchar(99);
CREATE TYPE both_ AS (number int, file text);
CREATE TABLE odd (id int, kind kind, path place, paths text[], pairs both_, many place[], doc jsonb,
                  upper_ text GENERATED ALWAYS AS (upper(path::text)) STORED);
INSERT INTO odd VALUES (1, 'enum.png', 'domain.png', '{x,"array sp ace.png"}', '(1,"composite x.png")',
                        '{many.png}', '{"a": "jsonb \\u0436.png"}');
CREATE TABLE parted (id int, body text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (9);
INSERT INTO parted VALUES (1, 'partition.png');
CREATE TABLE parent (body text);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO child VALUES ('x', 'child.png');
CREATE TABLE gone (body text);
INSERT INTO gone VALUES ('matview.png');
CREATE MATERIALIZED VIEW shown AS SELECT body FROM gone;
DELETE FROM gone;
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.page (body varchar(50));
INSERT INTO elsewhere.page VALUES ('schema.png');
CREATE TABLE "Odd ""name" ("a b" text);
INSERT INTO "Odd ""name" VALUES ('quoted table.png');
CREATE TABLE split (path text, file text);
INSERT INTO split VALUES ('album/2024', 'split.png');
CREATE TABLE thing (id uuid PRIMARY KEY);
INSERT INTO thing VALUES ('7f2504e0-4f89-11d3-9a0c-0305e82c3307');
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE TABLE extended (a hstore, b citext);
INSERT INTO extended VALUES ('x=>"in hstore.png"', 'In Citext.PNG');
CREATE EXTENSION postgres_fdw;
CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', port '{port}', dbname '{name}');
CREATE USER MAPPING FOR CURRENT_USER SERVER here OPTIONS (user 'postgres', password_required 'false');
CREATE SCHEMA hidden;
CREATE VIEW hidden.far AS SELECT 1 AS id, 'for' || 'eign.png' AS body;
CREATE FOREIGN TABLE far (id int, body text) SERVER here OPTIONS (schema_name 'hidden', table_name 'far');
SELECT lo_from_bytea(0, convert_to('<img src="/media/large object.png">', 'UTF8'));
"""
IN_POSTGRESQL = (
    "enum.png", "domain.png", "array sp ace.png", "composite x.png", "many.png", "jsonb ж.png",
    "partition.png", "child.png", "matview.png", "schema.png", "quoted table.png", "album/2024/split.png",
    "7f2504e0-4f89-11d3-9a0c-0305e82c3307.png", "large object.png",
    "in hstore.png", "in citext.png", "foreign.png",
)  # fmt: skip


def test_of_the_torture_set_on_postgresql_the_orphans_go_and_nothing_else(
    each_postgresql_url: str, tmp_path: Path
) -> None:
    site = Site(tmp_path, each_postgresql_url, IN_POSTGRESQL)
    with psycopg.connect(each_postgresql_url, autocommit=True) as connection:
        info, made = connection.info, POSTGRESQL
        for word, value in (("host", info.host), ("port", info.port), ("name", info.dbname)):
            made = made.replace(f"{{{word}}}", str(value))
        connection.execute(made.encode())
        texts = [(cell,) for cell in CELLS.values() if isinstance(cell, str) and cell]
        connection.cursor().executemany("INSERT INTO page (body) VALUES (%s)", texts)
        raw = [(cell,) for cell in CELLS.values() if isinstance(cell, bytes)]
        connection.cursor().executemany("INSERT INTO page (raw) VALUES (%s)", raw)
    assert f"{len(ORPHANS)} unused" in site.run("run", "media", "--strict")
    assert site.lost == set(ORPHANS)
    assert "pg_largeobject.data loid=" in site.run("why", "media/large object.png")
    assert "default/far.body" in site.run("why", "media/foreign.png")
    assert "default/elsewhere.page.body ctid=" in site.run("why", "media/schema.png")
