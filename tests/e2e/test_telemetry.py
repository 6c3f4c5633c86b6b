"""A cleanup tells a collector what it did, and is none the worse where nobody collects."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.schedule_app import App

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.servers.web import Web


@pytest.fixture
def app(tmp_path: Path) -> App:
    made = App(tmp_path / "app")
    made.env["no_proxy"] = "127.0.0.1"
    return made


def spans(web: Web) -> dict[str, Span]:
    bodies = [asked.body for asked in web.asked if asked.path == "/v1/traces"]
    read = [ExportTraceServiceRequest.FromString(body) for body in bodies]
    return {
        span.name: span
        for each in read
        for resource in each.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


@pytest.mark.parametrize("variable", ["DVORNIK_TELEMETRY_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_a_cleanup_is_told_where_the_settings_or_the_standard_variables_say(app: App, web: Web, variable: str) -> None:
    ran = app.dvornik("run", "temp", "logs", **{variable: web.url})
    assert (ran.code, ran.err) == (0, "")
    assert sorted(asked.path for asked in web.asked) == ["/v1/metrics", "/v1/traces"]
    found = spans(web)
    assert set(found) == {"dvornik run", "plan temp", "plan logs", "apply temp", "apply logs"}
    facts = {each.key: each.value for each in found["apply temp"].attributes}
    assert (facts["dvornik.removed"].int_value, facts["dvornik.status"].string_value) == (1, "done")


def test_a_cleanup_that_fails_is_a_trace_with_an_error(app: App, web: Web) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": web.url, "DATABASE_URL": "sqlite:////no/such/database"}
    assert app.dvornik("run", "temp", "database", **env).code == 12
    found = spans(web)
    assert {each.key: each.value.int_value for each in found["dvornik run"].attributes}["dvornik.exit_code"] == 12
    failed = {name for name, span in found.items() if span.status.code == span.status.STATUS_CODE_ERROR}
    assert failed == {"dvornik run", "apply database"}


def test_a_dead_collector_is_a_warning_and_its_password_is_in_none_of_it(app: App) -> None:
    env = {"DVORNIK_TELEMETRY_ENDPOINT": "http://u:swordfish@127.0.0.1:1", "DVORNIK_TELEMETRY_TIMEOUT": "1s"}
    ran = app.dvornik("run", "temp", OTEL_EXPORTER_OTLP_HEADERS="api-key=opensesame", **env)
    assert (ran.code, ran.lines[-1], app.old.exists()) == (0, "✅ Cleanup finished successfully!", False)
    assert ran.err.startswith("⚠️ Not delivered (otel): ")
    assert len(ran.err.splitlines()) == 1
    log = (app.path / "logs" / "maintenance.log").read_text()
    assert " WARNING " in log
    assert not any(secret in ran.err + log for secret in ("swordfish", "opensesame"))


def test_a_dry_run_tells_no_collector_anything(app: App, web: Web) -> None:
    assert app.dvornik("run", "--dry-run", OTEL_EXPORTER_OTLP_ENDPOINT=web.url).code == 0
    assert web.asked == []


def test_figures_can_be_sent_between_cleanups(app: App, web: Web) -> None:
    assert app.dvornik("metrics", "--deliver", OTEL_EXPORTER_OTLP_ENDPOINT=web.url).code == 0
    assert [asked.path for asked in web.asked] == ["/v1/metrics"]
    web.status = 400
    assert app.dvornik("metrics", "--deliver", OTEL_EXPORTER_OTLP_ENDPOINT=web.url).code == 12


def test_nothing_of_the_library_is_imported_unless_somebody_listens(app: App) -> None:
    loud = [sys.executable, "-X", "importtime", "-m", "dvornik", "run", "temp"]
    app.command = lambda *_words: loud  # type: ignore[method-assign]  # the same, telling what it imports
    ran = app.dvornik()
    assert (ran.code, "opentelemetry" in ran.err, "dvornik.metrics.otlp" in ran.err) == (0, False, True)


@pytest.mark.parametrize(
    ("variable", "warned"), [("DVORNIK_TELEMETRY_ENDPOINT", 1), ("OTEL_EXPORTER_OTLP_ENDPOINT", 0)]
)
def test_without_the_library_only_who_asked_us_for_it_is_told(app: App, variable: str, warned: int) -> None:
    """The standard variables may be meant for the application alone."""
    (app.path / "lib" / "opentelemetry").mkdir(parents=True)
    (app.path / "lib" / "opentelemetry" / "__init__.py").write_text("")
    env = {variable: "http://127.0.0.1:1", "PYTHONPATH": str(app.path / "lib")}
    ran = app.dvornik("run", "temp", **env)
    assert (ran.code, ran.err.count("not installed: pip install 'opentelemetry-exporter-otlp-proto-http")) == (
        0,
        warned,
    )
