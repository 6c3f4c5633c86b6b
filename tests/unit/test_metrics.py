"""The figures for Prometheus: their names, their text, and the ways by which they leave."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dvornik import health, metrics, quick_health
from dvornik.config import MetricsSection
from dvornik.health import Health, LastRun, Step
from dvornik.result import Total

if TYPE_CHECKING:
    from tests.servers.web import Web

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_800_000_000.0
DAY = 86400.0


@pytest.fixture
def of(tmp_path: Path) -> Health:
    """Return what a full cleanup and a failed look at the media left, so that every metric has a value."""
    for name in ("tmp", "logs"):
        (tmp_path / name).mkdir()
    (tmp_path / "tmp" / "big").write_bytes(b"x" * 12288)
    steps = {
        "temp": Step("b", NOW, "done", NOW, {"temp/old": Total(5, 500, 4, 400, missed={"open": 1})}, {"young": 7}),
        "logs": Step("a", NOW - DAY, "done", NOW - DAY, {"logs/old": Total(3, 30, 3, 30)}),
        "media": Step("a", NOW - DAY, "refused", NOW - 2 * DAY, {"media/orphan": Total(7, 70)}, {}, {"pub": 9000}),
        "database": Step("a", NOW - DAY, "done", NOW - DAY, sizes={"default": 100}, reusable={"default": 40}),
        "cache": Step("a", NOW - DAY, "done", NOW - DAY, caches={"pages": Total(6, 60, 6, 60)}),
    }
    return Health(
        since=NOW - 9 * DAY, max_age=7 * DAY, temp_limit=10_000, logs_limit=50_000, temp=[str(tmp_path / "tmp")],
        logs=[str(tmp_path / "logs")], last_success=NOW, last_run=LastRun("b", NOW, "done", 0, 1.5), steps=steps,
        freed=430, quarantine=70,
    )  # fmt: skip


def text(of: Health, app: str = "shop") -> str:
    """Return the exposition."""
    return metrics.exposition(metrics.registry(of, app, NOW)).decode()


def value(of: Health, name: str, **labels: str) -> float:
    """Return one figure, as Prometheus' own parser reads it."""
    (found,) = [
        sample.value
        for family in text_string_to_metric_families(text(of))
        for sample in family.samples
        if sample.name == name and sample.labels == {"app": "shop", **labels}
    ]
    return found


def test_the_five_figures_of_the_operators_page_are_there(of: Health) -> None:
    """What temporary files take, old logs, unused media, duration, space freed."""
    assert value(of, "dvornik_temp_size_bytes") == 12288
    assert value(of, "dvornik_old_logs") == 3
    assert value(of, "dvornik_unused_media_bytes") == 70
    assert value(of, "dvornik_last_run_duration_seconds") == 1.5
    assert value(of, "dvornik_freed_bytes", collector="temp", rule="temp/old") == 400
    assert value(of, "dvornik_reclaimed_bytes_total") == 430


def test_every_collector_has_a_status_and_a_last_success_of_its_own(of: Health) -> None:
    """The success of one does not hide the failure of another."""
    assert value(of, "dvornik_collector_status", collector="media", status="refused") == 1
    assert value(of, "dvornik_collector_status", collector="media", status="done") == 0
    assert value(of, "dvornik_collector_last_success_timestamp_seconds", collector="media") == NOW - 2 * DAY
    assert value(of, "dvornik_last_run_exit_code") == 0


def test_the_alerts_are_those_of_the_health_check(of: Health) -> None:
    """Each is there, active or not."""
    active = {alert.code for alert in health.check(of, NOW)}
    assert active == {"temp-size", "last-run-failed"}
    assert {code for code in quick_health.ALERTS if value(of, "dvornik_alert_active", alert=code)} == active


def test_every_metric_has_a_value_in_a_full_record(of: Health) -> None:
    """So that what the dashboard and the documentation name exists."""
    assert {sample[0] for sample in metrics.samples(of, NOW)} == set(metrics.METRICS)
    assert {line.split()[2] for line in text(of).splitlines() if line.startswith("# TYPE")} == set(metrics.METRICS)


def test_an_installation_that_never_ran_has_no_last_success(of: Health) -> None:
    """Nought would say 1970."""
    never = msgspec.structs.replace(of, last_success=None, last_run=None, steps={})
    assert "dvornik_last_success_timestamp_seconds{" not in text(never)
    assert value(never, "dvornik_first_seen_timestamp_seconds") == NOW - 9 * DAY


@pytest.mark.parametrize("name", ['a"b', "a\nb 1\nforged 1", "a\\", "срв", 'x"} 1'])
def test_a_hostile_name_stays_a_label(of: Health, name: str) -> None:
    """Names are data."""
    steps = {"media": Step("a", NOW, "done", NOW, sizes={name: 5})}
    assert value(msgspec.structs.replace(of, steps=steps), "dvornik_place_size_bytes", collector="media", place=name)


def test_a_name_that_is_not_unicode_is_spelt_out(of: Health) -> None:
    assert 'app="a\\\\udcff"' in text(of, "a\udcff")


def test_the_textfile_appears_whole_and_readable_by_everyone(of: Health, tmp_path: Path) -> None:
    """No other file is left, and none is ever there that the collector would read half-written."""
    mask = os.umask(0o077)
    try:
        for _ in range(2):
            metrics.deliver(metrics.registry(of, "my shop", NOW), MetricsSection(str(tmp_path)), "my shop")
    finally:
        os.umask(mask)
    (written,) = [path for path in tmp_path.iterdir() if path.is_file()]
    assert (written.name, written.stat().st_mode & 0o777) == ("dvornik-my-shop.prom", 0o644)
    assert "dvornik_last_run_exit_code" in written.read_text()


def test_the_textfile_may_be_named(of: Health, tmp_path: Path) -> None:
    metrics.deliver(metrics.registry(of, "shop", NOW), MetricsSection(str(tmp_path / "own.prom")), "shop")
    assert (tmp_path / "own.prom").exists()


def test_the_gateway_gets_a_group_of_its_own_for_each_application(of: Health, web: Web) -> None:
    """Replaced as a whole, so that nothing of an earlier run stays."""
    gateway = web.url.replace("//", "//user:p%40ss@")
    metrics.deliver(metrics.registry(of, "shop", NOW), MetricsSection(pushgateway=gateway, job="nightly"), "shop")
    (asked,) = web.asked
    assert (asked.method, asked.headers["Authorization"]) == ("PUT", "Basic dXNlcjpwQHNz")
    assert asked.path.startswith("/metrics/job/nightly/app/shop/instance/")
    assert asked.body.decode() == text(of)


def test_a_gateway_that_refuses_is_an_error_after_the_file_was_written(of: Health, web: Web, tmp_path: Path) -> None:
    web.status = 500
    settings = MetricsSection(str(tmp_path), web.url)
    with pytest.raises(HTTPError, match="500") as refused:
        metrics.deliver(metrics.registry(of, "shop", NOW), settings, "shop")
    refused.value.close()
    assert (tmp_path / "dvornik-shop.prom").exists()


def test_a_directory_that_is_not_there_does_not_keep_the_gateway_from_its_figures(of: Health, web: Web) -> None:
    with pytest.raises(FileNotFoundError):
        metrics.deliver(metrics.registry(of, "shop", NOW), MetricsSection("/no/such", web.url), "shop")
    assert len(web.asked) == 1


def test_promtool_finds_nothing_to_mend_in_the_exposition(of: Health, promtool: Path) -> None:
    done = subprocess.run([promtool, "check", "metrics"], input=text(of), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_alert_rules_are_right_and_fire_when_they_should(promtool: Path) -> None:
    """No cleanup for 7 days and 1 hour, temporary files over 1 GB, logs over 500 MB, an error."""
    for verb, file in (("check", "dvornik.rules.yml"), ("test", "dvornik.rules.test.yml")):
        command = [str(promtool), verb, "rules", file]
        done = subprocess.run(command, cwd=ROOT / "deploy/prometheus", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert "SUCCESS" in done.stdout


def test_every_panel_of_the_dashboard_has_something_to_show(of: Health, promtool: Path, tmp_path: Path) -> None:
    """Each query, as Prometheus itself answers it over the figures of a full record."""
    panels = json.loads((ROOT / "deploy/grafana/dvornik.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    asked = [query.replace("$app", ".*").replace("$__range", "1h") for query in queries]
    assert not [query for query in asked if "$" in query]
    told = {
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": series(text(of)),
            "promql_expr_test": [
                {"expr": f"count({query}) > bool 0", "eval_time": "1h", "exp_samples": [{"labels": "{}", "value": 1}]}
                for query in asked
            ],
        }],
    }  # fmt: skip
    file = tmp_path / "dashboard.test.yml"
    file.write_text(json.dumps(told))  # JSON is YAML
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def series(exposition: str) -> list[dict[str, str]]:
    """Return the figures as promtool's tests take them: an hour of the same."""
    found = [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]
    return [
        {
            "series": f"{each.name}{{{','.join(f'{key}={json.dumps(label)}' for key, label in each.labels.items())}}}",
            "values": f"{each.value:g}+0x60",
        }
        for each in found
    ]


@pytest.mark.parametrize("file", ["deploy/grafana/dvornik.json", "deploy/prometheus/dvornik.rules.yml"])
def test_what_is_deployed_names_only_metrics_that_exist(file: str) -> None:
    named = set(re.findall(r"\bdvornik_[a-z_]+", (ROOT / file).read_text()))
    assert named
    assert named <= set(metrics.METRICS)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_metric_is_documented(language: str) -> None:
    page = (ROOT / "docs" / language / "monitoring.md").read_text()
    assert set(metrics.METRICS) == set(re.findall(r"^\| `(dvornik_[a-z_]+)`", page, re.MULTILINE))


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """A unique number a panel, a place on the grid, and a query in each."""
    dashboard = json.loads((ROOT / "deploy/grafana/dvornik.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])
