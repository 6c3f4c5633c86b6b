"""The report goes out by mail: when asked for, and by itself as often as set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.schedule_app import App

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.mail import Mail


@pytest.fixture
def app(tmp_path: Path, mail: Mail) -> App:
    made = App(tmp_path / "app")
    made.env["DVORNIK_NOTIFY_REPORT_TO"] = mail.url
    return made


def test_a_report_is_mailed_on_request(app: App, mail: Mail) -> None:
    app.dvornik("run", "temp")
    ran = app.dvornik("report", "--email", "--lang", "ru")
    assert (ran.code, ran.out, ran.err) == (0, "📨 Отправлено на 1 адрес\n", "")
    (taken,) = mail.taken
    (page,) = [part.get_payload(decode=True) for part in taken.iter_attachments()]
    assert isinstance(page, bytes)
    assert page.startswith(b"<!doctype html>")
    body = taken.get_body(["plain"])
    assert body
    assert "1 временный файл" in body.get_content()


def test_a_cleanup_mails_its_report_as_often_as_set(app: App, mail: Mail) -> None:
    app.env["DVORNIK_NOTIFY_REPORT"] = "weekly"
    for _day in range(3):
        app.age()
        assert app.dvornik("run", "temp").code == 0
    assert len(mail.taken) == 1


def test_a_report_that_cannot_be_mailed_is_a_warning_and_tried_again(app: App, mail: Mail) -> None:
    app.env["DVORNIK_NOTIFY_REPORT"] = "weekly"
    mail.refuses = True
    ran = app.dvornik("run", "temp")
    assert (ran.code, ran.err.count("⚠️ Not delivered (notify)")) == (0, 1)
    assert app.dvornik("report", "--email").code == 12
    mail.refuses = False
    assert (app.dvornik("run", "temp").code, len(mail.taken)) == (0, 1)


def test_without_a_reader_or_a_run_there_is_nothing_to_mail(app: App) -> None:
    assert "run" in app.dvornik("report", "--email").err
    app.dvornik("run", "temp")
    app.env["DVORNIK_NOTIFY_REPORT_TO"] = ""
    ran = app.dvornik("report", "--email")
    assert (ran.code, "report_to" in ran.err) == (2, True)
