"""Sessions in files, as Django, Flask-Session and PHP write them, go once they have expired, and no sooner."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from cachelib.file import FileSystemCache

from dvornik.application import EntryPlace
from dvornik.caches.entry_files import FORMS
from dvornik.cli.yard import Yard
from dvornik.collectors.entries import Directory
from dvornik.collectors.sessions import Sessions
from dvornik.config import load
from dvornik.errors import ConfigurationError
from dvornik.model import Finding, Held, Reason, Survey, Trouble
from dvornik.storages.local import LocalStorage
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from pathlib import Path

    from dvornik.model import Outcome, Seen

WEEK = 7 * 86_400
_DJANGO = """
import sys
from datetime import datetime, timedelta, timezone
from django.conf import settings
settings.configure(SECRET_KEY="k", SESSION_FILE_PATH=sys.argv[1], USE_TZ=True)
from django.contrib.sessions.backends.file import SessionStore
for count, expiry in ((1, None), (400, None), (1, 3600), (1, 30 * 86400), (1, -9), (1, 9)):
    session = SessionStore()
    session["user"] = "1" * count
    if expiry in (-9, 9):
        session.set_expiry(datetime.now(timezone.utc) + timedelta(days=expiry))
    elif expiry:
        session.set_expiry(expiry)
    session.save()
    print(session.session_key)
"""


def collector(root: Path, form: str, lifetime: int = 0, prefix: str = "") -> Sessions:
    place = EntryPlace("files", str(root), form, lifetime, prefix)
    return Sessions({}, [], files={"files": Directory(place, LocalStorage("files", str(root)))})


def scan(sessions: Sessions) -> list[Seen]:
    return list(sessions.scan(time.time_ns(), thorough=False))


def found(sessions: Sessions) -> set[str]:
    return {name for seen in scan(sessions) if isinstance(seen, Finding) for name in seen.names}


def held(sessions: Sessions) -> dict[str, Reason]:
    return {name: seen.reason for seen in scan(sessions) if isinstance(seen, Held) for name in seen.names}


def clean(sessions: Sessions) -> list[Outcome]:
    outcomes = [sessions.apply(seen, "run") for seen in scan(sessions) if isinstance(seen, Finding)]
    sessions.tidy()
    return outcomes


def write(path: Path, body: bytes = b"", age: float = 0) -> Path:
    path.write_bytes(body)
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def django(tmp_path: Path) -> dict[str, Path]:
    """Return sessions that Django itself wrote: plain, packed, and with ends of the application's own."""
    done = subprocess.run([sys.executable, "-c", _DJANGO, str(tmp_path)], check=True, capture_output=True, text=True)
    kinds = ("plain", "packed", "hour", "month", "ended", "later")
    return {kind: tmp_path / f"sessionid{key}" for kind, key in zip(kinds, done.stdout.split(), strict=True)}


def test_django_s_sessions_go_by_their_last_change(django: dict[str, Path], tmp_path: Path) -> None:
    sessions = collector(tmp_path, "django-session", WEEK, "sessionid")
    assert found(sessions) == {django["ended"].name}
    for path in django.values():
        os.utime(path, (time.time() - 8 * DAY,) * 2)
    assert found(sessions) == {django[kind].name for kind in ("plain", "packed", "hour", "ended")}


def test_django_itself_deems_expired_whatever_goes(django: dict[str, Path], tmp_path: Path) -> None:
    for path in django.values():
        os.utime(path, (time.time() - 15 * DAY,) * 2)
    ours = found(collector(tmp_path, "django-session", 14 * 86_400, "sessionid"))
    code = _DJANGO.partition("for count")[0] + "SessionStore.clear_expired()"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    gone = {path.name for path in django.values() if not path.exists()}
    assert ours - gone == {django["hour"].name}  # Django never takes one whose end was set in seconds
    assert gone <= ours


def test_what_is_no_session_of_django_s_is_kept_with_a_reason(tmp_path: Path) -> None:
    for name in ("sessionidabcdefgh_out_x1", "sessionidABCDEFGH", "other", "sessionid"):
        write(tmp_path / name, age=99 * DAY)
    write(tmp_path / "sessionidpickled99", pickle.dumps({"a": 1}), 99 * DAY)
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "sessionidabcdefgh", age=99 * DAY)
    sessions = collector(tmp_path, "django-session", WEEK, "sessionid")
    assert found(sessions) == set()
    kept = held(sessions)
    assert kept.pop("sessionidpickled99") is Reason.UNKNOWN_FORMAT
    assert set(kept.values()) == {Reason.EXCLUDED}


def test_flask_session_s_own_files_go_once_they_have_expired(tmp_path: Path) -> None:
    from flask import Flask, session
    from flask_session import Session

    app = Flask("shop")
    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=FileSystemCache(str(tmp_path)), TESTING=True)
    Session(app)
    app.add_url_rule("/", view_func=lambda: session.setdefault("user", "1"))
    app.test_client().get("/")
    sessions = collector(tmp_path, "cachelib")
    reasons = held(sessions)
    (name,) = (name for name, reason in reasons.items() if reason is Reason.UNEXPIRED)
    (tmp_path / name).write_bytes(struct.pack("I", int(time.time()) - 5) + (tmp_path / name).read_bytes()[4:])
    assert [outcome.done for outcome in clean(sessions)] == [1]
    assert not (tmp_path / name).exists()


def test_sessions_without_an_end_are_kept(tmp_path: Path) -> None:
    FileSystemCache(str(tmp_path), threshold=0).set("key", "value", timeout=0)
    assert list(held(collector(tmp_path, "cachelib")).values()) == [Reason.LASTING]


def test_cachelib_does_not_evict_living_entries_for_those_that_went(tmp_path: Path) -> None:
    cache = FileSystemCache(str(tmp_path), threshold=20)
    for number in range(18):
        cache.set(f"old{number}", "value", timeout=-5)
    (outcome,) = clean(collector(tmp_path, "cachelib"))
    assert (outcome.done, outcome.missed) == (18, [])
    for number in range(15):
        cache.set(f"new{number}", "value")
    assert [cache.get(f"new{number}") for number in range(15)] == ["value"] * 15


def test_where_the_count_cannot_go_nothing_goes(tmp_path: Path) -> None:
    cache = FileSystemCache(str(tmp_path))
    cache.set("old", "value", timeout=-5)
    counter = next(path for path in tmp_path.iterdir() if path.name in FORMS["cachelib"].counters)
    with counter.open("rb"):
        (outcome,) = clean(collector(tmp_path, "cachelib"))
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.OPEN])


def test_php_s_sessions_go_by_their_last_change_in_directories_of_one_letter_too(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    name = "sess_0123456789abcdefghijklmnop"
    for directory in ("", "a/b", "ab"):
        write(tmp_path / directory / name, b"user|i:1;", 2 * DAY)
    write(tmp_path / "sess_fresh-abcdefghijklmn")
    write(tmp_path / "important", age=99 * DAY)
    sessions = collector(tmp_path, "php-session", 86_400, "sess_")
    findings = [seen for seen in scan(sessions) if isinstance(seen, Finding)]
    assert sorted(finding.container for finding in findings) == ["", "a/b"]
    assert held(sessions)["sess_fresh-abcdefghijklmn"] is Reason.UNEXPIRED


def test_a_session_that_is_used_after_the_scan_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "sess_0123456789abcdefghijklmnop", b"user|i:1;", 2 * DAY)
    sessions = collector(tmp_path, "php-session", 86_400, "sess_")
    (finding,) = [seen for seen in scan(sessions) if isinstance(seen, Finding)]
    os.utime(path)
    outcome = sessions.apply(finding, "run")
    assert (outcome.done, [miss.reason for miss in outcome.missed]) == (0, [Reason.CHANGED])
    assert path.read_bytes() == b"user|i:1;"


def test_a_directory_that_is_not_there_is_trouble_and_one_that_is_has_a_survey(tmp_path: Path) -> None:
    (seen,) = scan(collector(tmp_path / "none", "cachelib"))
    assert isinstance(seen, Trouble)
    write(tmp_path / "other", b"x" * 5000)
    *_held, survey = scan(collector(tmp_path, "cachelib"))
    assert isinstance(survey, Survey)
    assert (survey.items, survey.kind) == (1, "sessions")
    assert survey.size >= 5000


_SECTION = '[sessions.web]\npath = "var/sessions"\nformat = "php"\nretention = "1d"\n'


def test_what_the_configuration_names_is_cleaned_in_an_ordinary_run(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    site.configure(more=_SECTION)
    site.photos("a.jpg")
    old = site.file("var/sessions/sess_0123456789abcdefghijklmnop", age=2 * DAY)
    new = site.file("var/sessions/sess_0123456789abcdefghijklmnoq")
    ran = site.dvornik("run", "sessions", "--yes")
    assert ran.code == 0, ran.out + ran.err
    assert "Removed 1 expired session" in ran.out
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("", "sessions.x.format"),
        ('format = "php"', "sessions.x.retention"),
        ('format = "django"', "sessions.x.retention"),
        ('format = "ruby"\nretention = "1d"', "sessions.x.format"),
        ('format = "cachelib"\ntable = "session"', "sessions.x.table"),
        ('format = "cachelib"\narchive = "kept"', "sessions.x.archive"),
        ('format = "cachelib"\n[sessions.y]\npath = "var"\nformat = "cachelib"', "sessions.y.path"),
    ],
)
def test_what_a_section_cannot_mean_is_an_error_that_names_it(tmp_path: Path, section: str, said: str) -> None:
    (tmp_path / "dvornik.toml").write_text(f'[sessions.x]\npath = "var"\n{section}\n')
    with pytest.raises(ConfigurationError) as caught:
        load(None, {}, tmp_path)
    assert said in f"{caught.value.message} {caught.value.context} {caught.value.hint}"


def test_there_is_nothing_to_recover_or_undo_where_nothing_happened(tmp_path: Path) -> None:
    site = SmallSite(tmp_path / "app")
    site.configure(more=_SECTION)
    site.file("var/sessions/sess_0123456789abcdefghijklmnop", age=2 * DAY)
    sessions = Yard.open(None, str(site.path), {}).collectors(["sessions"])["sessions"]
    assert isinstance(sessions, Sessions)
    assert list(sessions.recover()) == []
    assert sessions.set_aside() == {}
    assert [*sessions.undo("run"), *sessions.purge("run")] == []
