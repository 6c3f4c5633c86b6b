"""What the world is told of a cleanup: figures, messages, the dead-man switch; and that none of it can fail it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.keeper import Keeper, tree

if TYPE_CHECKING:
    from tests.servers.web import Web
    from tests.site.site import Site


@pytest.fixture
def watched(site: Site, web: Web, tmp_path: Path) -> Keeper:
    """An operator who has set everything."""
    prometheus = tmp_path / "prometheus"
    prometheus.mkdir()
    return Keeper(
        site,
        DVORNIK_METRICS_TEXTFILE=str(prometheus),
        DVORNIK_METRICS_PUSHGATEWAY=web.url.replace("//", "//push:swordfish@"),
        DVORNIK_NOTIFY_URLS=f"json://{web.host}/hook/tokentoken",
        DVORNIK_PING_URL=f"{web.url}/ping/keykeykey",
        DVORNIK_APP_NAME="shop",
        no_proxy="127.0.0.1",
    )


def figures(keeper: Keeper) -> dict[str, float]:
    """Return the samples of the textfile by their text before the value."""
    (file,) = textfiles(keeper)
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def textfiles(keeper: Keeper) -> list[Path]:
    return list(Path(keeper.env["DVORNIK_METRICS_TEXTFILE"]).iterdir())


def paths(web: Web) -> list[str]:
    """Return what was asked, without the host's name."""
    return [asked.path.partition("/instance/")[0] for asked in web.asked]


def test_a_good_cleanup_is_told_to_prometheus_and_the_switch_and_to_nobody_else(watched: Keeper, web: Web) -> None:
    scratch = watched.site.path / "scratch"
    scratch.mkdir()
    ran = watched.cleanup(env={"TMPDIR": str(scratch)})  # else Landlock would allow all of the system's, ours in it
    assert (ran.code, ran.err) == (0, "")
    assert paths(web) == ["/ping/keykeykey/start", "/metrics/job/dvornik/app/shop", "/ping/keykeykey"]
    assert b"finished, done" in web.asked[-1].body
    found = figures(watched)
    assert found['dvornik_removed_items{app="shop",collector="temp",rule="temp/old"}'] == 15
    assert found['dvornik_old_logs{app="shop"}'] == 3
    assert found['dvornik_quarantine_size_bytes{app="shop"}'] == found['dvornik_unused_media_bytes{app="shop"}'] > 0
    assert found['dvornik_last_run_exit_code{app="shop"}'] == 0


def test_a_failure_is_told_once_and_so_is_its_end(watched: Keeper, web: Web) -> None:
    media, elsewhere = watched.site.media, watched.site.path / "elsewhere"
    media.rename(elsewhere)
    assert watched.cleanup().code == 12
    assert watched.cleanup().code == 12
    assert watched.cleanup("--temp-only").code == 0
    elsewhere.rename(media)
    assert watched.cleanup().code == 0
    told = [asked.json for asked in web.asked if asked.path.startswith("/hook")]
    assert [each["type"] for each in told] == ["warning", "success"]
    assert "медиа" in told[0]["message"]
    assert told[0]["title"].startswith("dvornik: shop ")
    ended = [path for path in paths(web) if path.startswith("/ping") and not path.endswith("/start")]
    assert ended == ["/ping/keykeykey/fail"] * 2 + ["/ping/keykeykey"] * 2


def test_a_daily_success_does_not_hide_a_weekly_failure_from_the_health_check(watched: Keeper) -> None:
    media, elsewhere = watched.site.media, watched.site.path / "elsewhere"
    media.rename(elsewhere)
    watched.cleanup()
    watched.cleanup("--temp-only")
    ran = watched.cleanup("--health-check", "--lang", "en")
    assert (ran.code, ran.lines[0].rpartition(": ")[2]) == (1, "media")
    elsewhere.rename(media)
    watched.cleanup("--media-only")
    assert watched.cleanup("--health-check").code == 0


@pytest.mark.parametrize("lost", ["refused", "gone"])
def test_nobody_who_cannot_be_told_makes_the_cleanup_a_failure(watched: Keeper, web: Web, lost: str) -> None:
    """Each is a warning, in the log and on standard error, without its address."""
    web.status = 500
    if lost == "gone":
        web.close()
    (watched.state / "told.json").parent.mkdir(mode=0o700, exist_ok=True)
    (watched.state / "told.json").write_text('{"temp-size": {"at": 1}}')
    env = {"DVORNIK_METRICS_TEXTFILE": "/no/such/directory", "DVORNIK_PING_TIMEOUT": "1s"}
    ran = watched.cleanup("--temp-only", env=env)
    assert ran.code == 0
    assert ran.lines[-1] == "✅ Очистка завершена успешно!"
    assert [line.split("(")[1].split(")")[0] for line in ran.err.splitlines()] == ["ping", "metrics", "notify", "ping"]
    log = watched.log.read_text()
    assert log.count(" WARNING ") == 4
    assert not any(secret in ran.err + log for secret in ("tokentoken", "keykeykey", "swordfish"))


def test_a_dry_run_tells_nobody_anything(watched: Keeper, web: Web) -> None:
    before = tree(watched.site.path)
    assert watched.cleanup("--dry-run").code == 0
    assert (web.asked, textfiles(watched)) == ([], [])
    assert tree(watched.site.path) == before


def test_a_cleanup_that_breaks_off_is_a_failure_to_the_switch(watched: Keeper, web: Web) -> None:
    watched.cleanup()
    (watched.state / "state.db").write_bytes(b"not a database" * 500)
    (watched.state / "state.db-wal").unlink(missing_ok=True)
    web.asked.clear()
    ran = watched.cleanup()
    assert ran.code == 12
    assert [path for path in paths(web) if path.startswith("/ping")] == [
        "/ping/keykeykey/start",
        "/ping/keykeykey/fail",
    ]
    assert any(asked.path.startswith("/hook") for asked in web.asked)


def test_the_verb_prints_the_figures_and_changes_nothing(watched: Keeper) -> None:
    watched.cleanup()
    before = tree(watched.site.path)
    ran, as_json = watched.dvornik("metrics"), watched.dvornik("metrics", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert 'dvornik_last_run_exit_code{app="shop"} 0.0' in ran.lines
    assert "dvornik_quarantine_size_bytes" in {sample["name"] for sample in json.loads(as_json.out)}
    assert tree(watched.site.path) == before


def test_the_figures_need_no_application(watched: Keeper) -> None:
    """What scrapes every minute must not load Django every minute."""
    watched.cleanup()
    ran = watched.dvornik("metrics", env={"DJANGO_SETTINGS_MODULE": "no.such.settings"})
    assert 'dvornik_last_run_exit_code{app="shop"} 0.0' in ran.lines


def test_the_verb_delivers_what_has_changed_since(watched: Keeper, web: Web) -> None:
    watched.cleanup()
    (watched.site.temp / "new").write_bytes(b"x" * 1_000_000)
    assert watched.dvornik("metrics", "--deliver").code == 0
    assert figures(watched)['dvornik_temp_size_bytes{app="shop"}'] > 1_000_000
    assert [path for path in paths(web) if path.startswith("/metrics")] == ["/metrics/job/dvornik/app/shop"] * 2
    assert watched.dvornik("metrics", "--deliver", env={"DVORNIK_METRICS_TEXTFILE": "/no/such"}).code == 12


def test_an_undo_brings_the_size_of_the_quarantine_up_to_date(watched: Keeper) -> None:
    watched.cleanup()
    watched.dvornik("undo")
    assert figures(watched)['dvornik_quarantine_size_bytes{app="shop"}'] == 0


def test_a_schedule_of_its_own_notices_that_no_cleanup_comes(watched: Keeper, web: Web) -> None:
    watched.cleanup()
    path = watched.state / "health.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "last_success": time.time() - 8 * 86400}))
    web.asked.clear()
    assert [watched.dvornik("notify").lines for _ in range(2)] == [
        ["📨 Told 1 address"],
        ["✅ There is nothing new to tell"],
    ]
    assert "more than 7 days" in web.asked[0].json["message"]


def test_a_test_message_goes_to_everyone_and_its_failure_is_one(watched: Keeper, web: Web) -> None:
    assert watched.dvornik("notify", "--test").lines == ["📨 Told 1 address"]
    web.status = 500
    ran = watched.dvornik("notify", "--test")
    assert ran.code == 12
    assert "tokentoken" not in ran.err
    assert watched.dvornik("notify", env={"DVORNIK_NOTIFY_URLS": ""}).code == 2
