"""The contract's recommended way, in the project's own containers: every flag, health, restarts, both generations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.containers.project import BACKEND

if TYPE_CHECKING:
    from tests.containers.project import Project

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]
FLAGS = {
    "--temp-only": "временных файлов",
    "--logs-only": "лог-файл",
    "--media-only": "медиа файл",
    "--sessions-only": "сессий",
    "--db-only": "Оптимизирована база данных",
    "--cache-only": "кэш",
}
DONE = "✅ Очистка завершена успешно!"


@pytest.fixture(autouse=True)
def populated(project: Project) -> None:
    """What a test before took is there again."""
    project.exec("python", "manage.py", "populate")


def counts(lines: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?:Будет удалено|Удалено|Будет очищено|Очищено) (\d+)", lines)]


def test_a_dry_run_shows_the_real_numbers_of_the_demonstration_and_changes_nothing(project: Project) -> None:
    first, second = project.cleanup("--dry-run").stdout, project.cleanup("--dry-run").stdout
    assert counts(first)[:3] == [15, 3, 7]
    assert first == second


def test_the_run_of_the_contract_does_what_the_dry_run_showed(project: Project) -> None:
    planned, done = project.cleanup("--dry-run").stdout, project.cleanup().stdout
    assert counts(done) == counts(planned)
    assert done.startswith("🧹 Начинаем очистку системы...")
    assert done.rstrip().endswith(DONE)


@pytest.mark.parametrize("flag", FLAGS)
def test_each_flag_does_its_step_alone(project: Project, flag: str) -> None:
    planned, done = project.cleanup(flag, "--dry-run").stdout, project.cleanup(flag).stdout
    assert FLAGS[flag] in done
    assert done.rstrip().endswith(DONE)
    assert counts(done) == counts(planned)
    assert not [other for other, words in FLAGS.items() if other != flag and words in done]


def test_the_aggressive_run_empties_the_quarantine_and_the_cache(project: Project) -> None:
    project.cleanup("--media-only")
    done = project.cleanup("--aggressive", "--yes").stdout
    assert "из карантина" in done
    assert "кэш" in done
    assert done.rstrip().endswith(DONE)


def test_help_and_version_answer(project: Project) -> None:
    assert "--dry-run" in project.cleanup("--help").stdout
    assert project.cleanup("--version").stdout.startswith("dvornik, version")


def test_the_healthcheck_turns_healthy_and_answers_what_the_flag_answers(project: Project) -> None:
    project.cleanup()
    assert project.becomes("healthy") == "healthy"
    assert project.cleanup("--health-check", check=False).returncode == 0


def test_what_fails_turns_the_healthcheck_unhealthy_until_it_is_put_right(project: Project) -> None:
    overridden = ("exec", "-T", "-e", "DATABASE_URL=postgresql://site:wrong@db:5432/site", "app")
    failed = project.run(*overridden, "python", "scripts/maintenance/cleanup.py", check=False)
    assert failed.returncode == 12
    assert project.becomes("unhealthy") == "unhealthy"
    project.cleanup()
    assert project.becomes("healthy") == "healthy"


def test_the_state_outlives_a_restart_and_a_new_container(project: Project) -> None:
    project.cleanup("--media-only")
    before = json.loads(project.exec("dvornik", "history", "--json").stdout)
    project.run("restart", "app")
    project.run("up", "--detach", "--no-build", "--force-recreate", "app")
    assert json.loads(project.exec("dvornik", "history", "--json").stdout) == before
    assert "7 файлов" in project.exec("dvornik", "undo").stdout


def test_the_process_is_no_root_and_can_write_nothing_but_its_volumes(project: Project) -> None:
    assert project.exec("id", "-u").stdout.strip() == "10001"
    assert project.exec("stat", "-c", "%a %U", ".dvornik").stdout.strip() == "700 app"
    apart = " ".join(f"-not -path '{path}*'" for path in ("/proc", "/dev", "/tmp", "/var/tmp", "/run/lock"))
    writable = project.exec("sh", "-c", f"find / -xdev -writable -not -type l {apart}", check=False).stdout.split()
    volumes = [f"{BACKEND}/{name}" for name in ("media", "logs", "tmp", ".dvornik")]
    assert [path for path in writable if not path.startswith(tuple(volumes))] == []


def test_both_commands_speak_the_language_of_the_image_and_another_when_asked(project: Project) -> None:
    assert "Пробный запуск" in project.exec("dvornik", "run", "--dry-run", "temp").stdout
    assert "Nothing is changed" not in project.cleanup("--dry-run").stdout
    assert "Would remove" in project.cleanup("--temp-only", "--dry-run", "--lang", "en").stdout
