"""Owns what the world is told of a cleanup: metrics, messages, the dead-man switch. None of it can fail the cleanup."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from dvornik import extras, health, metrics, notify, ping
from dvornik.cli import output, reporting
from dvornik.languages import _
from dvornik.metrics import otlp
from dvornik.metrics.otlp import Fact, Span
from dvornik.reports import text, words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dvornik.cli.yard import Yard
    from dvornik.reports.document import Report


def begin(yard: Yard) -> None:
    """Tell the switch that a cleanup begins."""
    if yard.config.ping.url:
        _try(yard, "ping", lambda: ping.started(yard.config.ping))


def follow(yard: Yard, exit_code: int, report: Report | None = None) -> None:
    """Tell everyone who is configured how the cleanup ended; what cannot be told is a warning."""
    config = yard.config
    _refresh(yard, [_whole(yard, exit_code), *yard.trace.spans])
    if config.notify.urls:
        _try(yard, "notify", lambda: tell_people(yard))
    if report is not None and config.notify.report != "never":
        _try(yard, "notify", lambda: _send_report_if_due(yard, report))
    if config.ping.url:
        _try(yard, "ping", lambda: ping.finished(config.ping, exit_code, yard.log.tail))


def refresh(yard: Yard) -> None:
    """Bring the metrics up to date after what was no cleanup."""
    _refresh(yard, [])


def _refresh(yard: Yard, spans: Sequence[Span]) -> None:
    if yard.config.metrics.textfile or yard.config.metrics.pushgateway:
        _try(yard, "metrics", lambda: deliver_metrics(yard))
    if otlp.signals(yard.config.telemetry, os.environ):
        _try(yard, "otel", lambda: _tell_collector(yard, spans))


def _tell_collector(yard: Yard, spans: Sequence[Span]) -> None:
    try:
        deliver_telemetry(yard, spans)
    except ImportError:
        # The variables may be the application's own: who has not installed the extra did not mean us by them.
        if yard.config.telemetry.endpoint:
            raise


def _whole(yard: Yard, exit_code: int) -> Span:
    last = yard.health().last_run
    facts: dict[str, Fact] = {"dvornik.run": last.id, "dvornik.status": last.status} if last else {}
    facts |= {"dvornik.app": yard.name, "dvornik.exit_code": exit_code}
    return Span("dvornik run", yard.trace.begun, time.time(), facts, is_error=bool(exit_code))


def deliver_metrics(yard: Yard) -> None:
    """Write the textfile and push to the gateway, as configured."""
    figures = metrics.registry(yard.health(), yard.name, time.time())
    metrics.deliver(figures, yard.config.metrics, yard.name)


def deliver_telemetry(yard: Yard, spans: Sequence[Span] = ()) -> None:
    """Send figures, and the spans of a cleanup, to who collects them."""
    settings = yard.config.telemetry
    wanted = otlp.signals(settings, os.environ)
    otlp.deliver(wanted, settings, yard.name, metrics.samples(yard.health(), time.time()), spans)


def tell_people(yard: Yard) -> int | None:
    """Tell people what they do not know yet, and remember that once anybody heard it.

    Return how many addresses took it; ``None`` where there was nothing to tell.
    """
    settings, path = yard.config.notify, yard.state.directory / notify.NAME
    now = time.time()
    alerts = health.check(yard.health(), now)
    news = notify.news(alerts, notify.read(path), now, float(settings.repeat))
    if not news:
        return None
    told = send(yard, notify.message(news, alerts, yard.name), settings.urls)
    if told:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        notify.write(path, news.known)
    return told


def readers(yard: Yard) -> Sequence[str]:
    """Return the addresses that get reports."""
    return yard.config.notify.report_to or yard.config.notify.urls


def _send_report_if_due(yard: Yard, report: Report) -> None:
    path, now = yard.state.directory / notify.REPORTED, time.time()
    if notify.is_due(yard.config.notify.report, notify.last_report(path), now) and send_report(yard, report):
        notify.note_report(path, now)


def send_report(yard: Yard, report: Report) -> int:
    """Send a report to its readers, the page attached; return how many addresses took it. The others are warnings."""
    told = reporting.with_trends(yard, report)
    name = f"dvornik-{time.strftime('%Y-%m-%d', time.localtime(report.started))}.html"
    page = notify.Attachment(name, "text/html", reporting.rendered(told, name))
    return send(yard, notify.reporting(yard.name, list(text.report(told))), readers(yard), page)


def send(yard: Yard, message: notify.Message, urls: Sequence[str], attached: notify.Attachment | None = None) -> int:
    """Deliver a message; return how many addresses took it. The others are warnings."""
    failures = notify.send(message, urls, yard.secrets.hide, attached)
    for failure in failures:
        warn(yard, "notify", f"{failure.scheme}: {failure.why}")
    return notify.count(urls) - len(failures)


def _try(yard: Yard, what: str, tell: Callable[[], object]) -> None:
    try:
        tell()
    except ImportError:
        warn(yard, what, _("not installed: {command}").format(command=extras.command(what)))
    except Exception as error:  # noqa: BLE001 - the work is done: whatever is wrong here must not make it a failure
        warn(yard, what, " ".join(f"{type(error).__name__}: {error}".split()))


def warn(yard: Yard, what: str, problem: str) -> None:
    """Note in the log, and on standard error, what could not be told."""
    problem = yard.secrets.hide(problem)
    yard.log.warning(what, problem)
    output.complain(_("⚠️ Not delivered ({what}): {problem}").format(what=what, problem=words.safe(problem)))
