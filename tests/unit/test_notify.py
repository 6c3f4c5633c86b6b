"""Messages to people: what is news, how it is said, and how it goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dvornik import languages, notify, quick_health
from dvornik.health import Alert
from dvornik.notify import Attachment, Told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.mail import Mail
    from tests.servers.web import Web

pytestmark = pytest.mark.filterwarnings("ignore")  # Apprise imports a hundred modules, each with its own habits

DAY = 86400.0
NOW = 1_800_000_000.0
BIG = Alert(quick_health.TEMP, {"limit": 10**9, "size": 2 * 10**9, "unreadable": 0})


def failed(status: str = "unreachable", steps: str = "media") -> Alert:
    return Alert(quick_health.FAILED, {"finished": NOW, "status": status, "steps": steps})


@pytest.fixture(params=["en", "ru"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    before = languages.current()
    languages.use(request.param)
    yield request.param
    languages.use(before)


def test_an_alert_is_told_when_it_begins_and_not_every_day() -> None:
    first = notify.news([BIG], {}, NOW, 7 * DAY)
    assert [alert.code for alert in first.alerts] == [quick_health.TEMP]
    for day in range(1, 7):
        assert not notify.news([BIG], first.known, NOW + day * DAY, 7 * DAY)


def test_an_alert_that_goes_on_is_told_again_after_a_week() -> None:
    known = {quick_health.TEMP: Told(NOW)}
    again = notify.news([BIG], known, NOW + 7 * DAY, 7 * DAY)
    assert again.alerts == [BIG]
    assert again.known[quick_health.TEMP].at == NOW + 7 * DAY
    assert not notify.news([BIG], known, NOW + 700 * DAY, 0)


def test_the_end_of_an_alert_is_told_once() -> None:
    over = notify.news([], {quick_health.TEMP: Told(NOW)}, NOW + DAY, 7 * DAY)
    assert (over.alerts, over.over, over.known) == ([], [quick_health.TEMP], {})
    assert not notify.news([], over.known, NOW + 2 * DAY, 7 * DAY)


def test_another_failure_is_news_though_the_alert_is_the_same() -> None:
    known = notify.news([failed("partial", "temp")], {}, NOW, 7 * DAY).known
    assert notify.news([failed()], known, NOW + DAY, 7 * DAY)
    assert not notify.news([failed("partial", "temp")], known, NOW + DAY, 7 * DAY)


def test_a_clock_that_was_set_back_does_not_silence_an_alert() -> None:
    assert notify.news([BIG], {quick_health.TEMP: Told(NOW + 400 * DAY)}, NOW, 7 * DAY)


def test_a_message_names_application_and_host_and_says_what_is_the_matter(language: str) -> None:
    said = notify.message(notify.news([BIG], {}, NOW, DAY), [BIG, failed()], "shop")
    assert said.title.startswith("dvornik: shop ")
    assert not said.is_good
    expected = {"en": ("more than 1 GB", "media"), "ru": ("больше 1 ГБ", "медиа")}[language]
    assert [word in line for word, line in zip(expected, said.body.splitlines(), strict=True)] == [True, True]


def test_every_alert_has_words_for_its_end(language: str) -> None:
    for code in quick_health.ALERTS:
        said = notify.message(notify.news([], {code: Told(NOW)}, NOW, DAY), [], "shop")
        assert said.is_good
        assert said.body.startswith("✅ ")


def test_what_people_know_outlives_the_process(tmp_path: Path) -> None:
    known = {quick_health.TEMP: Told(NOW, "x")}
    notify.write(tmp_path / notify.NAME, known)
    assert notify.read(tmp_path / notify.NAME) == known
    (tmp_path / notify.NAME).write_text("{")
    assert notify.read(tmp_path / notify.NAME) == {}


def test_a_webhook_gets_the_message(web: Web) -> None:
    assert notify.send(notify.trial("shop"), [f"json://{web.host}/hook"], str) == []
    (asked,) = web.asked
    assert (asked.path, asked.json["type"]) == ("/hook", "success")
    assert "shop" in asked.json["title"]
    assert asked.json["message"]


def test_a_variable_may_hold_several_addresses(web: Web) -> None:
    urls = [f"json://{web.host}/a json://{web.host}/b"]
    assert notify.count(urls) == 2
    assert notify.send(notify.trial("shop"), urls, str) == []
    assert [asked.path for asked in web.asked] == ["/a", "/b"]


def test_one_address_that_fails_does_not_keep_the_others_from_hearing(
    web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of the address but its kind is named, and Apprise says nothing by itself."""
    urls = ["json://me:sesame@127.0.0.1:1/secretsecret", f"json://{web.host}/hook", "nosuch://tokentoken"]
    first, second = notify.send(notify.trial("shop"), urls, lambda text: text.replace("secretsecret", "***"))
    assert (first.scheme, second.scheme) == ("json", "nosuch")
    assert "sesame" not in first.why + second.why
    assert len(web.asked) == 1
    assert capsys.readouterr() == ("", "")


def test_a_mail_server_gets_the_message(mail: Mail) -> None:
    assert notify.send(notify.trial("shop"), [mail.url], str) == []
    (taken,) = mail.taken
    assert taken["Subject"].startswith("dvornik: shop")
    assert "admin@example.org" in taken["To"]


def test_a_report_goes_out_as_words_with_the_page_beside_them(mail: Mail, web: Web) -> None:
    """The page is attached, since no mail program shows charts within a message."""
    text = notify.reporting("shop", ["🧹 all", "✅ done"])
    page = Attachment("report.html", "text/html", "<!doctype html>\n<p>Ж & <b>")
    assert notify.send(text, [mail.url, f"json://{web.host}/hook"], str, page) == []
    (taken,) = mail.taken
    (attached,) = taken.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("report.html", "text/html")
    assert attached.get_payload(decode=True) == page.content.encode()
    body = taken.get_body(["plain"])
    assert body
    assert "✅ done" in body.get_content()
    assert web.asked[0].json["attachments"][0]["filename"] == "report.html"


def test_a_mail_server_that_refuses_is_told(mail: Mail) -> None:
    mail.refuses = True
    (failure,) = notify.send(notify.trial("shop"), [mail.url], str)
    assert failure.scheme == "mailto"


@pytest.mark.parametrize(
    ("every", "days", "expected"),
    [("never", 999, False), ("daily", 0.5, False), ("daily", 0.99, True), ("weekly", 6, False), ("weekly", 6.99, True),
     ("weekly", 7, True), ("monthly", 27, False), ("monthly", 30, True), ("weekly", -3, True)],
)  # fmt: skip
def test_a_report_is_due_as_often_as_set(every: notify.Every, days: float, expected: bool) -> None:
    """A little early counts: no schedule is exact. A clock that was set back must not silence it."""
    assert notify.is_due(every, NOW - days * DAY, NOW) is expected
    assert notify.is_due(every, None, NOW) is (every != "never")
