"""What OpenTelemetry gets: read back as a collector reads it, and sent to nobody who answers for ever."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dvornik import metrics
from dvornik.config import TelemetrySection
from dvornik.health import Health, Step
from dvornik.metrics import otlp
from dvornik.metrics.otlp import Span, Trace, signals
from dvornik.model import Finding, Outcome
from dvornik.quantities import Duration
from dvornik.result import Result, Total

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent

    from tests.servers.web import Web

NOW = 1_800_000_000.0
SPANS = [
    Span("dvornik run", NOW, NOW + 9, {"dvornik.exit_code": 3}, is_error=True),
    Span("plan temp", NOW + 1, NOW + 2, {"dvornik.found": 5}),
    Span("apply temp", NOW + 2, NOW + 4, {"dvornik.status": "partial"}, is_error=True),
]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.delenv(name, raising=False)


def figures() -> list[metrics.Sample]:
    steps = {"temp": Step("a", NOW, "done", NOW, {"temp/old": Total(5, 500, 4, 400)}, {"young": 7, "open": 1})}
    return list(metrics.samples(Health(NOW - 9, 86400.0, 100, 100, steps=steps, freed=430), NOW))


def send(url: str, spans: list[Span] | None = None, timeout: str = "30s") -> None:
    settings = TelemetrySection(url, Duration(timeout))
    otlp.deliver(signals(settings, {}), settings, "shop", figures(), SPANS if spans is None else spans)


def measured(web: Web) -> dict[str, Metric]:
    (body,) = [asked.body for asked in web.asked if asked.path == "/v1/metrics"]
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    return {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}


def traced(web: Web) -> list[Sent]:
    (body,) = [asked.body for asked in web.asked if asked.path == "/v1/traces"]
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    return [span for scope in resource.scope_spans for span in scope.spans]


def test_every_figure_arrives_under_its_own_name_with_its_unit(web: Web) -> None:
    send(web.url)
    found = measured(web)
    assert set(found) == {sample[0] for sample in figures()}
    assert {found[name].unit for name in found if "bytes" in name} == {"By"}
    assert {found[name].unit for name in found if name.endswith("_seconds")} == {"s"}
    assert {found[name].description for name in found} <= set(metrics.METRICS.values())


def test_labels_and_values_are_those_of_prometheus(web: Web) -> None:
    send(web.url)
    points = measured(web)["dvornik_held_items"].gauge.data_points
    told = [({each.key: each.value.string_value for each in point.attributes}, point) for point in points]
    assert {(labels["collector"], labels["reason"], point.as_double) for labels, point in told} == {
        ("temp", "young", 7), ("temp", "open", 1),
    }  # fmt: skip


def test_what_only_grows_is_a_sum_that_only_grows(web: Web) -> None:
    send(web.url)
    total = measured(web)["dvornik_reclaimed_bytes_total"].sum
    assert (total.is_monotonic, total.data_points[0].as_double) == (True, 430)


def test_a_cleanup_is_one_trace_with_a_span_for_each_thing_done(web: Web) -> None:
    send(web.url)
    spans = {span.name: span for span in traced(web)}
    whole = spans.pop("dvornik run")
    assert {span.trace_id for span in spans.values()} == {whole.trace_id}
    assert {span.parent_span_id for span in spans.values()} == {whole.span_id}
    assert (whole.parent_span_id, whole.start_time_unix_nano) == (b"", int(NOW * 1e9))
    assert spans["apply temp"].end_time_unix_nano - spans["apply temp"].start_time_unix_nano == 2 * 10**9
    assert {span.name for span in traced(web) if span.status.code == span.status.STATUS_CODE_ERROR} == {
        "dvornik run", "apply temp",
    }  # fmt: skip


def test_the_resource_says_who_speaks_and_the_operators_word_wins(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=blue,service.name=keeper")
    send(web.url, [])
    (asked,) = web.asked
    (resource,) = ExportMetricsServiceRequest.FromString(asked.body).resource_metrics
    said = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert (said["service.name"], said["deployment.environment.name"]) == ("keeper", "blue")
    assert said["dvornik.app"] == "shop"


def test_the_key_to_the_collector_comes_from_its_own_variable(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=sesame")
    send(web.url)
    assert {asked.headers["api-key"] for asked in web.asked} == {"sesame"}


def test_a_name_that_is_not_unicode_is_spelt_out(web: Web) -> None:
    settings = TelemetrySection(web.url)
    sample = ("dvornik_place_size_bytes", {"collector": "media", "place": "a\udcff"}, 5.0)
    otlp.deliver(signals(settings, {}), settings, "shop", [sample], [])
    (point,) = measured(web)["dvornik_place_size_bytes"].gauge.data_points
    assert "a\\udcff" in {each.value.string_value for each in point.attributes}


def test_a_collector_that_refuses_is_an_error_that_says_so(web: Web, capfd: pytest.CaptureFixture[str]) -> None:
    web.status = 400
    with pytest.raises(OSError, match=r"metrics, traces not taken; .*400"):
        send(web.url)
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def deaf() -> Iterator[str]:
    """A collector that takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def dripping() -> Iterator[str]:
    """A collector that sends a byte of its answer now and then: no timeout between bytes would ever end it."""
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while not ended.is_set():
                connection.sendall(b"H")
                time.sleep(0.05)

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", ["deaf", "dripping"])
def test_nobody_is_waited_for_for_ever(kind: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(OSError, match="metrics, traces not taken"):
        send(request.getfixturevalue(kind), timeout="1s")


def test_one_that_is_not_there_is_told_with_the_reason() -> None:
    with pytest.raises(OSError, match="not taken"):
        send("http://127.0.0.1:1", timeout="1s")


# where to


@pytest.mark.parametrize(
    ("endpoint", "env", "expected"),
    [
        ("", {}, {}),
        ("http://a:1/", {}, {"TRACES": "http://a:1/v1/traces", "METRICS": "http://a:1/v1/metrics"}),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b/x"}, {"TRACES": "http://b/x/v1/traces", "METRICS": "http://b/x/v1/metrics"}),
        ("", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t/own"}, {"TRACES": "http://t/own"}),
        ("http://a", {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t"}, {"TRACES": "http://a/v1/traces", "METRICS": "http://a/v1/metrics"}),
        ("http://a", {"OTEL_TRACES_EXPORTER": "none"}, {"METRICS": "http://a/v1/metrics"}),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://b", "OTEL_METRICS_EXPORTER": "prometheus"}, {"TRACES": "http://b/v1/traces"}),
        ("http://a", {"OTEL_SDK_DISABLED": "true"}, {}),
    ],
)  # fmt: skip
def test_the_standard_variables_count(endpoint: str, env: dict[str, str], expected: dict[str, str]) -> None:
    assert signals(TelemetrySection(endpoint), env) == expected


# what was done when


def test_each_look_and_each_work_has_its_span() -> None:
    result = Result("a", "run", ("temp", "logs"))
    trace = Trace(NOW)
    result.stepped("temp")
    result.saw(Finding("temp/old", "tmp", "", ["x", "y"]))
    result.stepped("logs")
    trace.planned(result)
    result.did(Outcome("temp/old", "tmp", "", 2, freed=8))
    for name in ("temp", "logs"):
        trace.applied(name, result)
    assert [span.name for span in trace.spans] == ["plan temp", "plan logs", "apply temp", "apply logs"]
    assert trace.spans[0].facts == {"dvornik.found": 2}
    assert trace.spans[2].facts == {"dvornik.status": "done", "dvornik.removed": 2, "dvornik.freed_bytes": 8}
    ends = [(span.begun, span.ended) for span in trace.spans]
    assert all(begun <= ended for begun, ended in ends)
    assert all(earlier[1] <= later[0] for earlier, later in pairwise(ends))
