"""Owns the figures that Prometheus gets: their names, their text, and the ways by which they leave.

All of them come from the record that the last runs left, except the sizes of temporary files and logs, which are
measured as the health check measures them. Nothing is changed, and no database is asked.
"""

from __future__ import annotations

import platform
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from dvornik import __version__, atomic, health, quick_health

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric

    from dvornik.config import MetricsSection
    from dvornik.health import Health

METRICS: Final = {
    "dvornik_build_info": "Always 1; the version is a label.",
    "dvornik_first_seen_timestamp_seconds": "When dvornik was set up here: the age counts from it until a success.",
    "dvornik_last_run_timestamp_seconds": "When the last cleanup ended.",
    "dvornik_last_run_duration_seconds": "How long the last cleanup took.",
    "dvornik_last_run_exit_code": "Exit code of the last cleanup; 0 is success.",
    "dvornik_last_success_timestamp_seconds": "When the last successful cleanup ended; absent until there was one.",
    "dvornik_reclaimed_bytes_total": "Bytes that all cleanups so far gave back to the disk or server.",
    "dvornik_collector_last_run_timestamp_seconds": "When the last cleanup by this collector ended.",
    "dvornik_collector_last_success_timestamp_seconds": "When the last successful cleanup by this collector ended.",
    "dvornik_collector_status": "1 at the status of the last cleanup by this collector, 0 at the others.",
    "dvornik_found_items": "What the last cleanup by this collector found that may go: files, rows, keys, tables.",
    "dvornik_found_bytes": "What they took.",
    "dvornik_removed_items": "What the last cleanup by this collector removed, set aside or brought back.",
    "dvornik_freed_bytes": "What the last cleanup by this collector gave back to the disk or server.",
    "dvornik_held_items": "What the last cleanup by this collector kept, by reason.",
    "dvornik_missed_items": "What was to go and stayed, by reason: failures, and what had changed meanwhile.",
    "dvornik_place_size_bytes": "What a place held when the last cleanup of it began.",
    "dvornik_cache_removed_items": "What the last cleanup of a cache removed from it: keys, files, rows.",
    "dvornik_cache_freed_bytes": "What that gave back to its server or to the disk.",
    "dvornik_temp_size_bytes": "What temporary files take now.",
    "dvornik_temp_limit_bytes": "What they may take before it is an alert.",
    "dvornik_logs_size_bytes": "What logs take now.",
    "dvornik_logs_limit_bytes": "What they may take before it is an alert.",
    "dvornik_old_logs": "Old log files that the last cleanup of logs found.",
    "dvornik_unused_media_bytes": "Size of the unused media files that the last cleanup of media found.",
    "dvornik_quarantine_size_bytes": "What waits in quarantine.",
    "dvornik_database_bloat_bytes": "What the database does not use of its size, when it was last looked at.",
    "dvornik_max_age_seconds": "How long there may be no successful cleanup before it is an alert.",
    "dvornik_alert_active": "1 while the alert of the health check is active, else 0.",
}
"""Every metric with its help."""
STATUSES: Final = ("done", "partial", "refused", "unreachable", "failed", "interrupted", "killed")
_FOUND: Final = {"dvornik_old_logs": ("logs", "logs/old"), "dvornik_unused_media_bytes": ("media", "media/orphan")}

Sample = tuple[str, dict[str, str], float]
"""Name, labels and value."""


def samples(of: Health, now: float) -> Iterator[Sample]:
    """Yield every figure at ``now`` (seconds since the epoch); the directories are measured."""
    yield "dvornik_build_info", {"version": __version__}, 1
    yield "dvornik_first_seen_timestamp_seconds", {}, of.since
    yield "dvornik_reclaimed_bytes_total", {}, of.freed
    yield "dvornik_quarantine_size_bytes", {}, of.quarantine
    yield "dvornik_max_age_seconds", {}, of.max_age
    if of.last_success is not None:
        yield "dvornik_last_success_timestamp_seconds", {}, of.last_success
    if of.last_run is not None:
        yield "dvornik_last_run_timestamp_seconds", {}, of.last_run.finished
        yield "dvornik_last_run_duration_seconds", {}, of.last_run.seconds
        yield "dvornik_last_run_exit_code", {}, of.last_run.exit_code
    for kind, roots, limit in (("temp", of.temp, of.temp_limit), ("logs", of.logs, of.logs_limit)):
        yield f"dvornik_{kind}_size_bytes", {}, quick_health.measure(roots, sys.maxsize)[0]
        yield f"dvornik_{kind}_limit_bytes", {}, limit
    active = {alert.code for alert in health.check(of, now)}
    for code in quick_health.ALERTS:
        yield "dvornik_alert_active", {"alert": code}, code in active
    for name, step in of.steps.items():
        yield from _of_step(name, step)


def _of_step(name: str, step: health.Step) -> Iterator[Sample]:
    own = {"collector": name}
    yield "dvornik_collector_last_run_timestamp_seconds", own, step.finished
    if step.last_success is not None:
        yield "dvornik_collector_last_success_timestamp_seconds", own, step.last_success
    for status in STATUSES:
        yield "dvornik_collector_status", {**own, "status": status}, step.status == status
    for reason, count in step.held.items():
        yield "dvornik_held_items", {**own, "reason": reason}, count
    for place, size in step.sizes.items():
        yield "dvornik_place_size_bytes", {**own, "place": place}, size
    for place, total in step.caches.items():
        yield "dvornik_cache_removed_items", {"cache": place}, total.done
        yield "dvornik_cache_freed_bytes", {"cache": place}, total.freed
    yield from _of_rules(name, step)
    if name == "database":
        for place, size in step.reusable.items():
            yield "dvornik_database_bloat_bytes", {"database": place}, size


def _of_rules(name: str, step: health.Step) -> Iterator[Sample]:
    missed: dict[str, int] = {}
    for rule, total in step.totals.items():
        labels = {"collector": name, "rule": rule}
        yield "dvornik_found_items", labels, total.found
        yield "dvornik_found_bytes", labels, total.found_size
        yield "dvornik_removed_items", labels, total.done
        yield "dvornik_freed_bytes", labels, total.freed
        for reason, count in total.missed.items():
            missed[reason] = missed.get(reason, 0) + count
    for reason, count in missed.items():
        yield "dvornik_missed_items", {"collector": name, "reason": reason}, count
    for metric, (collector, rule) in _FOUND.items():
        if collector == name and step.status not in {"unreachable", "interrupted", "failed"}:
            found = step.totals.get(rule)
            yield metric, {}, 0 if found is None else found.found_size if metric.endswith("_bytes") else found.found


class _Figures:
    """The figures as prometheus_client collects them, each with the name of the application."""

    def __init__(self, of: Health, app: str, now: float) -> None:
        self._samples = list(samples(of, now))
        self._app = app

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415 - 40 ms

        for name, meaning in METRICS.items():
            found = [(labels, value) for each, labels, value in self._samples if each == name]
            if not found:
                continue
            labels = ["app", *found[0][0]]
            family = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            metric = family(name, meaning, labels=labels)
            for values, value in found:
                metric.add_metric([text(self._app), *map(text, values.values())], value)
            yield metric


def text(label: str) -> str:
    """Return a label that is Unicode: a name of other bytes is spelt out. Quotes and newlines are the library's."""
    return label.encode("utf-8", "backslashreplace").decode()


def registry(of: Health, app: str, now: float) -> CollectorRegistry:
    """Return the figures for prometheus_client; raise ``ImportError`` where it is not installed."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - it is an extra

    figures = CollectorRegistry(auto_describe=False)
    figures.register(_Figures(of, app, now))
    return figures


def exposition(figures: CollectorRegistry) -> bytes:
    """Return the figures in Prometheus' text format."""
    from prometheus_client import generate_latest  # noqa: PLC0415 - as above

    return generate_latest(figures)


def offered(figures: CollectorRegistry, accept: str) -> tuple[str, bytes]:
    """Return content type and text in the form that an HTTP ``Accept`` asks for: OpenMetrics, else Prometheus' own."""
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - as above

    encode, form = choose_encoder(accept)
    return form, encode(figures)


def textfile(path: str, app: str) -> Path:
    """Return the file to write: ``path`` itself, or one for this application in the directory ``path``."""
    if path.endswith(".prom"):
        return Path(path)
    return Path(path) / f"dvornik-{re.sub(r'[^A-Za-z0-9_-]+', '-', app)}.prom"


def deliver(figures: CollectorRegistry, settings: MetricsSection, app: str) -> None:
    """Write the textfile and push to the gateway, as far as they are set.

    The file appears whole, readable by everyone; its temporary name does not end in ``.prom``, so that the collector
    never reads half of it. Raises ``OSError`` when one of the two fails, after the other was done.
    """
    try:
        if settings.textfile:
            atomic.write(textfile(settings.textfile, app), exposition(figures), 0o644)
    finally:
        if settings.pushgateway:
            _push(figures, settings, app)


def _push(figures: CollectorRegistry, settings: MetricsSection, app: str) -> None:
    """Replace what the gateway has of this application on this host."""
    from prometheus_client.exposition import basic_auth_handler, push_to_gateway  # noqa: PLC0415 - as above

    parts = urlsplit(settings.pushgateway)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")

    handler = partial(basic_auth_handler, username=user or None, password=password)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    group = {"app": text(app), "instance": platform.node()}
    push_to_gateway(bare, settings.job, figures, group, float(settings.timeout), handler)
