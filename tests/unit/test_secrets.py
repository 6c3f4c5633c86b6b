"""What must not be said is said nowhere."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dvornik.config import (
    CacheSection,
    Config,
    DatabaseSection,
    MetricsSection,
    NotifySection,
    PingSection,
    TelemetrySection,
)
from dvornik.config.secrets import Secrets
from dvornik.maintenance_log import MaintenanceLog, quoted
from dvornik.model import Gate, Miss, Outcome, Reason, Refusal, Trouble

PASSWORD = st.text(st.characters(codec="utf-8", exclude_characters="*"), min_size=6, max_size=20).filter(
    lambda word: word.strip() == word and not any(word in plain for plain in ("failed", "before", "behind"))
)


@settings(deadline=None)
@given(password=PASSWORD, before=st.text(max_size=10), behind=st.text(max_size=10))
@example(password='p@ss"\\w/ord\n', before="", behind="")
@example(password="100%25secret", before="%", behind="25")
def test_no_password_of_an_address_is_left_in_a_text(password: str, before: str, behind: str) -> None:
    """Neither as it is meant nor as the address spells it."""
    url = f"postgresql://app:{quote(password, safe='')}@db/shop"
    secrets = Secrets(Config(databases={"default": DatabaseSection(url)}), {})
    for spelt in (password, quote(password, safe=""), url):
        said = secrets.hide(f"{before}{spelt}{behind}")
        assert password not in said
        assert url not in said


@settings(deadline=None, max_examples=50)
@given(password=PASSWORD)
@example(password='p@ss"\\w/ord\n')
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_reaches_the_log(form: str, password: str) -> None:
    """Whatever it is part of, and however the line is written."""
    secrets = Secrets(Config(cache=CacheSection(f"redis://:{quote(password, safe='')}@cache:6379/0")), {})
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "maintenance.log"
        log = MaintenanceLog(path, form="json" if form == "json" else "text", hide=secrets.hide)
        log.started("r", f"apply <{password}>")
        log.trouble(Trouble("default", f"said <{password}>"))
        log.refusal(Refusal("media", Gate.BACKUP, {"command": f"<{password}>"}))
        log.outcome(Outcome("temp/old", "tmp", "", 0, missed=[Miss("x", Reason.DENIED, f"<{password}>")]))
        log.failure("run", f"<{password}>")
        log.close()
        for line in path.read_text().splitlines():
            said = json.loads(line)["result"] if form == "json" else line
            assert f"<{password}>" not in said
            assert quoted(f"<{password}>").strip('"') not in said
        assert log.tail.count("<***>") == 5


def test_an_address_of_a_service_is_secret_in_all_its_parts() -> None:
    """Some carry their key as the host."""
    told = NotifySection(["tgram://123456789:AAbbCCddEE/chat", "mailto://me:sesame@example.org"])
    secrets = Secrets(Config(notify=told, ping=PingSection("https://switch.example/0f0f-1a1a-2b2b")), {})
    said = secrets.hide("bot 123456789:AAbbCCddEE, me:sesame@example.org, GET https://switch.example/0f0f-1a1a-2b2b")
    assert not any(part in said for part in ("123456789", "AAbbCCddEE", "sesame", "0f0f-1a1a-2b2b"))


def test_what_the_environment_calls_a_secret_is_one() -> None:
    secrets = Secrets(
        Config(), {"SECRET_KEY": "open sesame", "DATABASE_URL": "mysql://u:swordfish@db/x", "HOME": "/srv"}
    )
    assert secrets.hide("open sesame swordfish /srv") == "*** *** /srv"


def test_the_key_to_a_collector_is_secret() -> None:
    secrets = Secrets(Config(), {"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x=1, api-key=open%20sesame"})
    assert secrets.hide("x=1, api-key=open%20sesame | open%20sesame | open sesame") == "*** | *** | ***"


def test_a_password_in_the_query_of_an_address_is_one_too() -> None:
    url = "postgresql:///shop?host=/run/postgresql&user=app&password=p%40ss+word"
    said = Secrets(Config(), {}, [url]).hide("no entry for p@ss word, p%40ss+word; host=/run/postgresql")
    assert said == "no entry for ***, ***; host=/run/postgresql"


def test_an_address_that_nobody_configured_loses_its_password_too() -> None:
    assert Secrets(Config(), {}).hide("at redis://u:swordfish@h/0!") == "at redis://***@h/0!"


def test_no_section_shows_its_addresses_when_it_is_printed() -> None:
    sections = (
        MetricsSection(pushgateway="http://u:sesame@h"),
        TelemetrySection("http://u:sesame@h"),
        NotifySection(["tgram://sesame"]),
        PingSection("https://h/sesame"),
    )
    assert "sesame" not in repr(sections)
