"""Owns what people are told about alerts: when one begins, when it goes on for long, and when it is over."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from dvornik import atomic, quick_health
from dvornik.languages import _, current
from dvornik.overheard import overheard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from dvornik.health import Alert

NAME: Final = "told.json"
REPORTED: Final = "reported.json"
_REPORT: Final = "report"
Every = Literal["never", "daily", "weekly", "monthly"]
_DAY: Final = 86400
_PERIODS: Final = {"daily": _DAY, "weekly": 7 * _DAY, "monthly": 30 * _DAY}
_EARLY: Final = _DAY / 4


class Told(msgspec.Struct, frozen=True):
    """An alert that people know of: when they were told last (seconds since the epoch), and of what kind it was."""

    at: float
    kind: str = ""


class News(msgspec.Struct, frozen=True):
    """What is to be told now, and what people will know then."""

    alerts: Sequence[Alert]
    over: Sequence[str]
    """Codes of alerts that people know of and that are gone."""
    known: Mapping[str, Told]

    def __bool__(self) -> bool:
        """Tell whether there is anything to say."""
        return bool(self.alerts or self.over)


class Message(msgspec.Struct, frozen=True):
    """What goes out, in the current language."""

    title: str
    body: str
    is_good: bool = False


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes with a message."""

    name: str
    type: str
    """As MIME says it."""
    content: str


class Failure(msgspec.Struct, frozen=True):
    """An address that did not take the message: its scheme alone (``tgram``), since all the rest may be secret."""

    scheme: str
    why: str


def news(alerts: Sequence[Alert], known: Mapping[str, Told], now: float, repeat: float) -> News:
    """Decide what to tell at ``now``: nothing twice within ``repeat`` seconds (0: ever), unless its kind changed."""
    active = {alert.code: alert for alert in alerts}
    fresh = [alert for alert in alerts if _is_news(alert, known.get(alert.code), now, repeat)]
    after = {code: told for code, told in known.items() if code in active}
    after |= {alert.code: Told(now, _kind(alert)) for alert in fresh}
    return News(fresh, [code for code in known if code not in active], after)


def _is_news(alert: Alert, told: Told | None, now: float, repeat: float) -> bool:
    if told is None or told.kind != _kind(alert):
        return True
    return bool(repeat) and not 0 <= now - told.at < repeat  # a clock that was set back must not silence it


def _kind(alert: Alert) -> str:
    """Return what makes it another alert of the same code: a refusal is not a disk error, media are not sessions."""
    return f"{alert.facts.get('status', '')} {alert.facts.get('steps', '')}".strip()


def message(told: News, active: Sequence[Alert], app: str) -> Message:
    """Put news into words: every alert that is active, and what is over."""
    lines = [quick_health.describe(alert.code, alert.facts, current()) for alert in active]
    lines += [_over(code) for code in told.over]
    place = {"app": app, "host": platform.node()}
    if active:
        return Message(_("dvornik: {app} on {host} needs attention").format(**place), "\n".join(lines))
    return Message(_("dvornik: {app} on {host} is well again").format(**place), "\n".join(lines), is_good=True)


def trial(app: str) -> Message:
    """Return a message that only shows that messages arrive."""
    title = _("dvornik: {app} on {host}: a test").format(app=app, host=platform.node())
    return Message(title, _("Messages of dvornik arrive here."), is_good=True)


def reporting(app: str, lines: Sequence[str]) -> Message:
    """Return the message that a report goes out with: ``lines`` for who does not open the attachment."""
    title = _("dvornik: {app} on {host}: report").format(app=app, host=platform.node())
    return Message(title, "\n".join(lines), is_good=True)


def is_due(every: Every, last: float | None, now: float) -> bool:
    """Tell whether a report is to go out at ``now``, the last having gone out at ``last`` (seconds since the epoch)."""
    if every == "never" or last is None:
        return every != "never"
    # A little early counts: the run that should take it along may be quicker, or start sooner, than the last.
    return not 0 <= now - last < _PERIODS[every] - _EARLY


def _over(code: str) -> str:
    return {
        quick_health.STATE: _("✅ The state directory can be used again"),
        quick_health.UNREAD: _("✅ The record of past cleanups can be read again"),
        quick_health.STALE: _("✅ Cleanups succeed again"),
        quick_health.TEMP: _("✅ Temporary files take no more than they may"),
        quick_health.LOGS: _("✅ Logs take no more than they may"),
        quick_health.FAILED: _("✅ The last cleanup ended well"),
    }.get(code, code)


def last_report(path: Path) -> float | None:
    """Return when the last report went out; ``None`` where that is not recorded."""
    return told.at if (told := read(path).get(_REPORT)) else None


def note_report(path: Path, now: float) -> None:
    """Record that a report went out at ``now``; raise ``OSError``."""
    write(path, {_REPORT: Told(now)})


def read(path: Path) -> dict[str, Told]:
    """Return what people know; nothing where that is not recorded, so that they are rather told twice."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Told])
    except (OSError, msgspec.MsgspecError):
        return {}


def write(path: Path, known: Mapping[str, Told]) -> None:
    """Record what people know; raise ``OSError``."""
    atomic.write(path, msgspec.json.encode(known))


def send(
    text: Message, urls: Sequence[str], hide: Callable[[str], str], attached: Attachment | None = None
) -> list[Failure]:
    """Deliver to every address; return those that did not take it. Raise ``ImportError`` without Apprise.

    A service that knows no attachments gets the message alone.
    """
    return [failure for url in _split(urls) if (failure := _send(text, url, hide, attached))]


def count(urls: Sequence[str]) -> int:
    """Return how many addresses there are."""
    return len(_split(urls))


def _split(urls: Sequence[str]) -> list[str]:
    """Return single addresses: a variable holds several, with spaces between them."""
    return [url for text in urls for url in text.split()]


def _send(text: Message, url: str, hide: Callable[[str], str], attached: Attachment | None) -> Failure | None:
    import apprise  # noqa: PLC0415 - an extra, and half a second
    from apprise.attachment.memory import AttachMemory  # noqa: PLC0415 - as above

    kind = apprise.NotifyType.SUCCESS if text.is_good else apprise.NotifyType.WARNING
    with overheard("apprise") as said:
        box = apprise.Apprise()
        make: Callable[..., Any] = AttachMemory
        file = attached and make(attached.content, name=attached.name, mimetype=attached.type)
        taken = box.add(url) and box.notify(
            body=text.body, title=text.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT, attach=file
        )
    if taken:
        return None
    return Failure(url.partition("://")[0], hide("; ".join(said)))
