"""Owns what OpenTelemetry gets: the same figures, and one trace of a cleanup, by OTLP over HTTP.

The standard ``OTEL_…`` variables count (https://opentelemetry.io/docs/specs/otel/protocol/exporter/), the settings win
over them. The library is an extra and half a second of imports: nothing of it is touched unless somebody listens.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dvornik import __version__, metrics
from dvornik.overheard import overheard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from dvornik.config import TelemetrySection
    from dvornik.metrics import Sample
    from dvornik.result import Result

_NANO: Final = 1_000_000_000
_UNITS: Final = {"bytes": "By", "seconds": "s"}
_PATHS: Final = {"TRACES": "/v1/traces", "METRICS": "/v1/metrics"}

Fact = str | int | float | bool


class Span(msgspec.Struct, frozen=True):
    """One thing that was done; times are seconds since the epoch."""

    name: str
    begun: float
    ended: float
    facts: Mapping[str, Fact] = {}
    is_error: bool = False


class Trace:
    """What a cleanup did when: first each step's look, then each step's work, one after the other."""

    def __init__(self, begun: float) -> None:
        """Begin at ``begun``, in seconds since the epoch."""
        self.begun = self._last = begun
        self.spans: list[Span] = []

    def planned(self, result: Result) -> None:
        """Note a plan that is finished now, each collector's part of it."""
        ends = [*list(result.turns.values())[1:], time.time()]
        for (name, begun), ended in zip(result.turns.items(), ends, strict=True):
            facts = {"dvornik.found": sum(total.found for total in _of(name, result))}
            self.spans.append(Span(f"plan {name}", begun, ended, facts))
        self._last = ends[-1]

    def applied(self, name: str, result: Result) -> None:
        """Note that a collector's work is done now."""
        totals, status, now = list(_of(name, result)), result.status_of(name), time.time()
        facts: dict[str, Fact] = {
            "dvornik.status": status,
            "dvornik.removed": sum(total.done for total in totals),
            "dvornik.freed_bytes": sum(total.freed for total in totals),
        }
        self.spans.append(Span(f"apply {name}", self._last, now, facts, is_error=status != "done"))
        self._last = now


def _of(name: str, result: Result) -> Iterable[Any]:
    return [total for rule, total in result.totals.items() if rule.partition("/")[0] == name]


def signals(settings: TelemetrySection, env: Mapping[str, str]) -> dict[str, str]:
    """Return the full address of each signal that somebody wants, ``TRACES`` and ``METRICS``."""
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return {}
    found = {}
    for signal, path in _PATHS.items():
        base = str(settings.endpoint) or env.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        own = "" if settings.endpoint else env.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "")
        if (own or base) and env.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() == "otlp":
            found[signal] = own or base.rstrip("/") + path
    return found


def deliver(
    wanted: Mapping[str, str], settings: TelemetrySection, app: str, figures: Iterable[Sample], spans: Sequence[Span]
) -> None:
    """Send ``figures``, and ``spans`` with the whole of the run as the first, to the addresses in ``wanted``.

    Nobody is waited for longer than ``settings.timeout``, however slowly they answer. Raises ``ImportError`` where
    the library is missing, ``OSError`` when somebody did not take it, after everybody was asked.
    """
    resource = _resource(app)
    sending: dict[str, Callable[[], object]] = {}
    if "METRICS" in wanted:
        data = _measured(resource, figures)
        sending["metrics"] = lambda: _send_metrics(wanted["METRICS"], float(settings.timeout), data)
    if "TRACES" in wanted and spans:
        done = _traced(resource, spans)
        sending["traces"] = lambda: _send_spans(wanted["TRACES"], float(settings.timeout), done)
    with overheard("opentelemetry") as said:
        failed = _all(sending, float(settings.timeout))
    if failed:
        raise OSError("; ".join([f"{', '.join(failed)} not taken", *dict.fromkeys(said)]))


def _all(sending: Mapping[str, Callable[[], object]], seconds: float) -> list[str]:
    """Do everything at once; return what failed, or was not over in time: the library waits as long as bytes drip."""
    taken: set[str] = set()

    def send(name: str, act: Callable[[], object]) -> None:
        if act():
            taken.add(name)

    threads = [threading.Thread(target=send, args=each, daemon=True) for each in sending.items()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [name for name in sending if name not in taken]


def _resource(app: str) -> Resource:
    import platform  # noqa: PLC0415 - only with the extra

    from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415 - half a second

    own = {"service.name": "dvornik", "service.version": __version__, "host.name": platform.node(), "dvornik.app": app}
    return Resource(own).merge(OTELResourceDetector().detect())  # what the operator says of it wins


def _measured(resource: Resource, figures: Iterable[Sample]) -> MetricsData:
    """Return the figures as the library keeps them, under the names that Prometheus knows them by."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - as above

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter("dvornik", __version__)
    found: dict[str, list[Sample]] = {}
    for sample in figures:
        found.setdefault(sample[0], []).append(sample)
    for name, samples in found.items():
        words = name.split("_")
        unit = next((_UNITS[word] for word in words[-2:] if word in _UNITS), "")
        make = meter.create_observable_counter if words[-1] == "total" else meter.create_observable_gauge
        make(name, [partial(_observed, samples)], unit, metrics.METRICS[name])
    data = reader.get_metrics_data()
    provider.shutdown()
    assert data is not None  # noqa: S101 - one figure, the version, is always there
    return data


def _observed(samples: Iterable[Sample], _options: object) -> list[Any]:
    from opentelemetry.metrics import Observation  # noqa: PLC0415 - as above

    return [
        Observation(float(value), {key: metrics.text(label) for key, label in labels.items()})
        for _, labels, value in samples
    ]


def _traced(resource: Resource, spans: Sequence[Span]) -> Sequence[ReadableSpan]:
    """Return the spans as the library keeps them, the first the parent of all others."""
    from opentelemetry import trace  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415 - as above

    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracer = provider.get_tracer("dvornik", __version__)
    whole = tracer.start_span(spans[0].name, attributes=dict(spans[0].facts), start_time=int(spans[0].begun * _NANO))
    within = trace.set_span_in_context(whole)
    for span in spans[1:]:
        made = tracer.start_span(span.name, within, attributes=dict(span.facts), start_time=int(span.begun * _NANO))
        if span.is_error:
            made.set_status(trace.StatusCode.ERROR)
        made.end(int(span.ended * _NANO))
    if spans[0].is_error:
        whole.set_status(trace.StatusCode.ERROR)
    whole.end(int(spans[0].ended * _NANO))
    provider.shutdown()
    return kept.get_finished_spans()


def _send_metrics(address: str, seconds: float, data: MetricsData) -> bool:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - as above

    return OTLPMetricExporter(address, timeout=seconds).export(data).name == "SUCCESS"


def _send_spans(address: str, seconds: float, spans: Sequence[ReadableSpan]) -> bool:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - as above

    return OTLPSpanExporter(address, timeout=seconds).export(spans).name == "SUCCESS"
