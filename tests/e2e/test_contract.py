"""The contract of cleanup.py, on the populated reference site."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.e2e.keeper import SCRIPT, Keeper, planned, tree
from tests.site.site import BACKEND

if TYPE_CHECKING:
    from pathlib import Path

CONTRACT = [
    "🧹 Начинаем очистку системы...",
    "📁 Удалено 15 временных файлов",
    "📄 Очищено 3 старых лог-файла",
    "🗂️ Удалено 7 неиспользуемых медиа файлов",
    "🗄️ Оптимизирована база данных",
    "✅ Очистка завершена успешно!",
]


def test_a_run_prints_the_lines_of_the_contract_in_their_order(keeper: Keeper) -> None:
    ran = keeper.cleanup()
    assert ran.code == 0, ran.err
    assert [line for line in ran.lines if line in CONTRACT] == CONTRACT
    assert ran.lines[-1] == CONTRACT[-1]
    assert "🔑 Удалено 200 истёкших сессий" in ran.lines


@pytest.mark.skipif(sys.platform != "linux", reason="a disk that is always full is Linux's")
@pytest.mark.parametrize("where", [">/dev/full 2>&1", ">&- 2>&-", "| true"])
def test_a_run_whose_output_nobody_can_take_cleans_all_the_same(keeper: Keeper, where: str) -> None:
    there = keeper.site.path / "tmp"
    before = tree(there)
    command = shlex.join([sys.executable, str(SCRIPT), "--temp-only"])
    done = subprocess.run(["/bin/sh", "-c", f"{command} {where}"], cwd=BACKEND, env=keeper.env, check=False)
    assert done.returncode == 0
    assert len(tree(there)) < len(before)


def test_a_language_that_is_not_spoken_here_leaves_russian(keeper: Keeper) -> None:
    ran = keeper.cleanup("--dry-run", "--temp-only", env={"DVORNIK_LANG": "fr"})
    assert ran.lines[0].startswith("🔍 Пробный запуск")


def test_it_speaks_english_when_asked_and_russian_whatever_the_locale(keeper: Keeper) -> None:
    english = keeper.cleanup("--dry-run", "--lang", "en", env={"LC_ALL": "ru_RU.UTF-8"})
    russian = keeper.cleanup("--dry-run", env={"LC_ALL": "C.UTF-8"})
    assert "📁 Would remove 15 temporary files" in english.lines
    assert "📁 Будет удалено 15 временных файлов" in russian.lines
    assert "📁 Would remove 15 temporary files" in keeper.cleanup("--dry-run", env={"DVORNIK_LANG": "en"}).lines


def test_the_dry_run_lists_exactly_what_the_run_then_removes(keeper: Keeper) -> None:
    listed = planned(keeper.cleanup("--dry-run", "--json").document)
    before = set(keeper.site.files())
    assert keeper.cleanup().code == 0
    assert before - set(keeper.site.files()) == listed
    made = keeper.site.manifest
    assert listed == {
        *(f"media/{name}" for name in made.orphaned),
        *(f"tmp/{name}" for name in made.old_temp),
        *(f"logs/{name}" for name in made.old_logs),
    }


@pytest.mark.parametrize(
    "flags", [[], ["--aggressive"], ["--temp-only"], ["--db-only"], ["--media-only", "--logs-only"]]
)
def test_a_dry_run_changes_nothing_anywhere(keeper: Keeper, flags: list[str]) -> None:
    before = tree(keeper.site.path)
    ran = keeper.cleanup("--dry-run", *flags)
    assert ran.code == 0, ran.out + ran.err
    assert tree(keeper.site.path) == before
    assert not keeper.state.exists()


@pytest.mark.parametrize(
    ("flag", "place"), [("--temp-only", "tmp/"), ("--logs-only", "logs/"), ("--media-only", "media/")]
)
def test_a_step_alone_touches_nothing_else(keeper: Keeper, flag: str, place: str) -> None:
    before, rows = keeper.site.files(), keeper.site.database.read_bytes()
    assert keeper.cleanup(flag).code == 0
    gone = set(before) - set(keeper.site.files())
    assert gone
    assert all(name.startswith(place) for name in gone)
    assert keeper.site.database.read_bytes() == rows


def test_sessions_alone_leave_the_living_ones(keeper: Keeper) -> None:
    before = keeper.site.files()
    assert keeper.cleanup("--sessions-only").code == 0
    with closing(sqlite3.connect(keeper.site.database)) as rows:
        left = [key for (key,) in rows.execute("SELECT session_key FROM django_session ORDER BY session_key")]
    assert left == sorted(keeper.site.manifest.live_sessions)
    assert set(keeper.site.files()) - {"logs/maintenance.log"} == set(before)


def test_steps_can_be_asked_for_together(keeper: Keeper) -> None:
    ran = keeper.cleanup("--temp-only", "--logs-only")
    assert {"📁 Удалено 15 временных файлов", "📄 Очищено 3 старых лог-файла"} <= set(ran.lines)
    assert not any("медиа" in line for line in ran.lines)


@pytest.mark.parametrize(
    "flags", [["--health-check", "--temp-only"], ["--health-check", "--aggressive"], ["--nonsense"]]
)
def test_a_contradiction_is_a_usage_error_and_nothing_happens(keeper: Keeper, flags: list[str]) -> None:
    before = tree(keeper.site.path)
    assert keeper.cleanup(*flags).code == 2
    assert tree(keeper.site.path) == before


def test_the_cache_without_an_address_is_a_clear_message(keeper: Keeper) -> None:
    ran = keeper.cleanup("--cache-only")
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert "REDIS_URL" in ran.err


def test_every_page_still_serves_every_image_and_document(keeper: Keeper) -> None:
    with keeper.site.serve() as visitor:
        before = visitor.crawl()
        assert keeper.cleanup().code == 0
        after = visitor.crawl()
    del before["/login/"], after["/login/"]  # a token of its own at each visit
    assert after == before
    assert sum(path.startswith("/media/") for path in after) > 60


def test_undo_brings_the_media_back_byte_for_byte(keeper: Keeper) -> None:
    before = {name: body for name, body in keeper.site.files().items() if name.startswith("media/")}
    keeper.cleanup()
    assert {name for name in keeper.site.files() if name.startswith("media/")} != set(before)
    assert keeper.dvornik("undo").code == 0
    assert {name: body for name, body in keeper.site.files().items() if name.startswith("media/")} == before


def test_a_second_run_finds_nothing_to_do(keeper: Keeper) -> None:
    keeper.cleanup()
    before = keeper.site.files()
    ran = keeper.cleanup()
    assert ran.code == 0
    assert "📁 Удалено 0 временных файлов" in ran.lines
    assert planned(keeper.cleanup("--dry-run", "--json").document) == set()
    assert set(keeper.site.files()) == set(before)


def test_a_run_that_failed_in_part_says_so_and_never_ends_with_success(keeper: Keeper) -> None:
    shutil.rmtree(keeper.site.media)
    ran = keeper.cleanup()
    assert ran.code == 12
    assert CONTRACT[-1] not in ran.lines
    assert "📁 Удалено 15 временных файлов" in ran.lines


def test_aggressive_purges_the_quarantine_of_earlier_runs(keeper: Keeper) -> None:
    keeper.cleanup()
    ran = keeper.cleanup("--aggressive", "--yes")
    assert ran.code == 0, ran.out + ran.err
    assert "🧺 Окончательно удалено 7 файлов из карантина" in ran.lines
    assert "🗄️ Оптимизирована база данных" in ran.lines
    assert keeper.dvornik("undo").out.strip() == "Nothing is set aside: there is nothing to bring back."


def test_the_maintenance_log_holds_time_level_operation_and_result(keeper: Keeper) -> None:
    keeper.cleanup()
    lines = keeper.log.read_text().splitlines()
    assert any(" INFO temp/old: 15 " in line for line in lines)
    assert all(line[:4] == time.strftime("%Y") for line in lines)
    assert "finished, done" in lines[-1]


def test_a_python_without_the_package_is_told_how_to_install_it() -> None:
    done = subprocess.run([sys.executable, "-I", "-S", str(SCRIPT)], capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert "make dist" in done.stderr
    assert "pip install dvornik" not in done.stderr


@pytest.mark.parametrize("there", [(), (".env",)], ids=["empty", "beside the compose file"])
def test_started_from_elsewhere_it_cleans_the_backend_that_it_lies_in(
    keeper: Keeper, tmp_path: Path, there: tuple[str, ...]
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in there:
        (elsewhere / name).write_text("COMPOSE_PROJECT_NAME=shop\n")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--temp-only"], cwd=elsewhere, env=keeper.env, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "📁 Удалено 15 временных файлов" in done.stdout.decode().splitlines()
    assert os.listdir(elsewhere) == list(there)  # noqa: PTH208 - the plainest word for it
