"""Databases that answer wrongly, and uploads that come at the worst moment: the real command loses no needed file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from typing import TYPE_CHECKING
from unicodedata import normalize

import psycopg
import pytest

from tests.attack.grounds import COMMAND, attacker, environment

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
[app]
kind = "declared"
[policy]
media_grace = "0"
allow_short_grace = true
max_share = 1
max_orphans = 0.6
{policy}
[media.pub]
root = "media"
url = "/media/"
exact = ["photo.file"]
[databases.default]
url = "{url}"
"""
COUNT = 200


class Site:
    """Two hundred needed files and fifty orphans."""

    def __init__(self, root: Path, url: str = "sqlite:///site.db", policy: str = "") -> None:
        """Make them at ``root``."""
        self.root, self.media = root, root / "media"
        self.needed = {f"y{number % 5}/йод_{number}.jpg" for number in range(COUNT)}
        for name in (*self.needed, *(f"y0/lost_{number}.jpg" for number in range(50))):
            path = self.media / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (root / "dvornik.toml").write_text(SETTINGS.format(url=url, policy=policy))

    def sql(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.root / "site.db")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def fill(self, form: str = "NFC") -> None:
        with closing(sqlite3.connect(self.root / "site.db")) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS photo (id integer PRIMARY KEY, file text)")
            rows = [(normalize(form, name),) for name in sorted(self.needed)]  # type: ignore[arg-type]
            connection.executemany("INSERT INTO photo (file) VALUES (?)", rows)
            connection.commit()

    def run(self, *words: str) -> tuple[int, str]:
        """Run the command."""
        done = subprocess.run(
            [*COMMAND, "run", "media", *words],
            cwd=self.root, env=environment(), capture_output=True, text=True, check=False, timeout=100,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    @property
    def files(self) -> set[str]:
        return {str(path.relative_to(self.media)) for path in self.media.rglob("*") if path.is_file()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_empty_database_is_refused(site: Site) -> None:
    site.sql("CREATE TABLE photo (id integer PRIMARY KEY, file text)")
    assert site.run()[0] == 10
    assert len(site.files) == COUNT + 50


def test_a_stale_copy_of_the_database_is_refused(site: Site) -> None:
    site.fill()
    shutil.copy(site.root / "site.db", site.root / "copy.db")
    assert site.run()[0] == 0
    (site.root / "site.db").unlink()
    shutil.copy(site.root / "copy.db", site.root / "site.db")
    site.sql("DELETE FROM photo WHERE id > 150")
    code, said = site.run()
    assert code == 10, said  # by its inode, or, where that was given out again, by the fall of its references
    assert site.needed <= site.files


def test_a_database_that_lost_most_of_its_rows_is_refused(site: Site) -> None:
    site.fill()
    assert site.run()[0] == 0
    site.sql("DELETE FROM photo WHERE id > 120")
    assert site.run()[0] == 10
    assert site.needed <= site.files


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_another_unicode_form_of_every_name_loses_none(site: Site, form: str) -> None:
    site.fill(form)
    assert site.run()[0] == 0
    assert site.files == site.needed


@pytest.mark.parametrize("prefix", ["https://new-cdn.example/x/", "s3://bucket/", "uploads/", "/var/www/old/media/"])
def test_another_prefix_of_every_path_loses_none(site: Site, prefix: str) -> None:
    site.fill()
    site.sql(f"UPDATE photo SET file = '{prefix}' || file")  # noqa: S608 - made up here
    site.run("--allow", "references-missing")
    assert site.needed <= site.files


def test_rows_hidden_by_row_level_security_are_an_error(tmp_path: Path, each_postgresql_url: str) -> None:
    with psycopg.connect(each_postgresql_url, autocommit=True) as connection:
        role = f"clerk_{os.getpid()}_{time.monotonic_ns()}"
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        connection.execute("CREATE TABLE photo (id serial PRIMARY KEY, file text, owner text)")
        site = Site(tmp_path, each_postgresql_url.replace("postgres@", f"{role}@"))
        rows = [(name, "other" if name.startswith("y1") else role) for name in site.needed]
        connection.cursor().executemany("INSERT INTO photo (file, owner) VALUES (%s, %s)", rows)
        connection.execute("ALTER TABLE photo ENABLE ROW LEVEL SECURITY")
        connection.execute("CREATE POLICY own ON photo USING (owner = current_user)")
        connection.execute(f"GRANT SELECT ON photo TO {role}".encode())
        code, said = site.run()
        connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
    assert code == 12, said
    assert len(site.files) == COUNT + 50


def test_strict_takes_nothing_while_a_row_is_not_committed(tmp_path: Path, each_postgresql_url: str) -> None:
    site = Site(tmp_path, each_postgresql_url, "strict = true")
    with psycopg.connect(each_postgresql_url) as connection:
        connection.execute("CREATE TABLE photo (id serial PRIMARY KEY, file text)")
        connection.cursor().executemany("INSERT INTO photo (file) VALUES (%s)", [(name,) for name in site.needed])
        connection.commit()
        connection.execute("INSERT INTO photo (file) VALUES ('y0/lost_7.jpg')")
        code, said = site.run()
        assert (code, len(site.files)) == (12, COUNT + 50), said
        connection.commit()
    code, said = site.run()
    assert code == 0, said
    assert site.files == site.needed | {"y0/lost_7.jpg"}


RACES = {
    "file, then row": "write(target); time.sleep(0.002); row(name)",
    "row, then file": "row(name); time.sleep(0.002); write(target)",
    "renamed into place": "write(target + '.tmp~'); row(name); os.rename(target + '.tmp~', target)",
    "replaced": "write(target); row(name); write(target + '.new~'); os.replace(target + '.new~', target)",
    "open transaction": "write(target); slowly(name)",
    "moved in with an old time": "write(outside); os.utime(outside, (1, 1)); row(name); os.rename(outside, target)",
    "linked in from outside": "write(outside); os.utime(outside, (1, 1)); os.link(outside, target); row(name)",
}
UPLOADER = """
import sqlite3
media, database, outside_directory = arguments
connection = sqlite3.connect(database, timeout=30, isolation_level=None)
def row(name): connection.execute("INSERT INTO photo (file) VALUES (?)", (name,))
def slowly(name):
    connection.execute("BEGIN IMMEDIATE"); row(name); time.sleep(0.05); connection.execute("COMMIT")
def write(path):
    with open(path, "w") as file: file.write("upload")
made = []
for number in itertools.count():
    if not going(): break
    name = f"y{number % 5}/upload_{number}.jpg"
    target, outside = f"{media}/{name}", f"{outside_directory}/{number}"
    BODY
    made.append(name)
    time.sleep(0.001)
report.write_text(json.dumps(made))
"""


@pytest.mark.parametrize("race", sorted(RACES))
def test_no_upload_is_lost_whatever_its_order(site: Site, race: str) -> None:
    import json

    site.fill()
    (site.root / "outside").mkdir()
    policy = (site.root / "dvornik.toml").read_text().replace('media_grace = "0"', 'media_grace = "2s"')
    (site.root / "dvornik.toml").write_text(policy)
    code = UPLOADER.replace("BODY", RACES[race])
    with attacker(code, site.media, site.root / "site.db", site.root / "outside") as report:
        for _run in range(3):
            site.run()
    made = set(json.loads(report.read_text()))
    assert made
    assert made | site.needed <= site.files
