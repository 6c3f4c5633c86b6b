"""What calls dvornik from inside other programs: manage.py, Celery, APScheduler, and the examples that it cleans."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
import sys
from importlib import util
from typing import TYPE_CHECKING, Any

import pytest

from dvornik.contrib.process import CleanupError, clean
from tests.site.site import BACKEND
from tests.unit.small_site import DAY, SmallSite

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from pathlib import Path
    from types import ModuleType

    from tests.e2e.keeper import Keeper

EXAMPLES = BACKEND.parent / "examples"
AT_ONCE = {"DVORNIK_POLICY_MEDIA_GRACE": "0", "DVORNIK_POLICY_ALLOW_SHORT_GRACE": "true"}


# Django


def manage(keeper: Keeper, *words: str, env: Mapping[str, str] | None = None, cwd: Path = BACKEND) -> tuple[int, str]:
    """Run manage.py by its path; return exit code and output."""
    command = [sys.executable, str(BACKEND / "manage.py"), *words]
    given = {**keeper.env, "DVORNIK_LANG": "en", **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=given, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_manage_py_passes_everything_on(keeper: Keeper, tmp_path: Path) -> None:
    code, said = manage(keeper, "dvornik", "run", "temp", "--dry-run")
    assert (code, "Would remove 15 temporary files" in said) == (0, True)
    assert manage(keeper, "dvornik", "run", "nonsense")[0] == 2
    assert manage(keeper, "dvornik", "health")[0] == keeper.dvornik("health").code
    # From anywhere: manage.py says which project is meant.
    code, said = manage(keeper, "dvornik", "config", cwd=tmp_path)
    assert (code, str(keeper.site.media) in said) == (0, True)


def test_call_command_tells_what_was_said_or_fails(keeper: Keeper) -> None:
    code = "from django.core.management import call_command as call; call('dvornik', 'run', {!r}, '--dry-run')"
    assert "Would remove 15 temporary files" in manage(keeper, "shell", "-c", code.format("temp"))[1]
    status, said = manage(keeper, "shell", "-c", code.format("nonsense"))
    assert (status, "CommandError" in said) == (2, True)


def test_the_system_checks_are_content_with_a_sound_project(keeper: Keeper) -> None:
    assert "no issues" in manage(keeper, "check")[1]


def test_a_state_that_would_be_served_is_an_error(keeper: Keeper) -> None:
    code, said = manage(keeper, "check", env={"DVORNIK_APP_STATE": str(keeper.site.media / ".dvornik")})
    assert (code, "dvornik.E002" in said) == (1, True)


def test_a_configuration_that_cannot_be_used_is_an_error(keeper: Keeper) -> None:
    code, said = manage(keeper, "check", env={"DVORNIK_TEMP_OLDER_THAN": "a while"})
    assert (code, "dvornik.E001" in said, "DVORNIK_TEMP_OLDER_THAN" in said) == (1, True, True)


def test_the_checks_before_a_deployment_ask_for_a_schedule_and_for_whose_the_media_are(keeper: Keeper) -> None:
    said = manage(keeper, "check", "--deploy")[1]
    assert "dvornik.W001" in said
    assert "dvornik.W002" in said
    assert keeper.cleanup().code == 0
    said = manage(keeper, "check", "--deploy", env={"DVORNIK_APP_ALLOW_OUTSIDE": "true"})[1]
    assert "dvornik." not in said


# task queues


@pytest.fixture
def small(tmp_path: Path) -> SmallSite:
    site = SmallSite(tmp_path / "site")
    site.file("tmp/old", age=3 * DAY)
    return site


def load(path: Path, name: str) -> ModuleType:
    """Import an example by its path."""
    spec = util.spec_from_file_location(name, path)
    assert spec
    assert spec.loader
    module = sys.modules[name] = util.module_from_spec(spec)  # where SQLAlchemy looks annotations up
    spec.loader.exec_module(module)
    return module


def test_a_cleanup_from_inside_a_program_leaves_that_program_its_rights(small: SmallSite, tmp_path: Path) -> None:
    assert clean("temp", directory=small.path)
    assert small.files("tmp") == set()
    own = tmp_path / "mine"
    own.write_text("")
    own.unlink()


def test_a_cleanup_that_fails_fails_the_program_that_asked_for_it(small: SmallSite) -> None:
    (small.path / "dvornik.toml").write_text("[temp]\nolder = 1\n")
    with pytest.raises(CleanupError, match=r"(?s)ended with 2\n.*older") as caught:
        clean("temp", directory=small.path)
    assert caught.value.code == 2


def test_another_cleanup_under_way_is_no_failure(small: SmallSite) -> None:
    with small.engine("temp"):
        clean("temp", directory=small.path)
    assert small.files("tmp") == {"old"}


def test_the_celery_task_cleans(small: SmallSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APPLICATION", str(small.path))
    tasks = load(EXAMPLES / "celery/tasks.py", "example_tasks")
    planned = {entry["task"] for entry in tasks.app.conf.beat_schedule.values()}
    assert planned <= set(tasks.app.tasks)
    assert tasks.housekeeping.apply(args=["temp"]).get()
    assert small.files("tmp") == set()


def test_the_jobs_of_apscheduler_clean(small: SmallSite) -> None:
    from apscheduler.schedulers.background import BackgroundScheduler

    scheduler = BackgroundScheduler(timezone="UTC")
    load(EXAMPLES / "apscheduler/schedule.py", "example_schedule").add_jobs(scheduler, str(small.path))
    for job in scheduler.get_jobs():
        job.func(*job.args, **job.kwargs)
    assert small.files("tmp") == set()


# applications


def example(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[SmallSite, ModuleType]:
    """Copy an example application; return it with its operator."""
    site = SmallSite.__new__(SmallSite)
    site.path = tmp_path / name
    shutil.copytree(EXAMPLES / name, site.path, ignore=shutil.ignore_patterns("data", "__pycache__"))
    monkeypatch.setenv("EXAMPLE_DATA", str(site.path / "data"))
    for key, value in AT_ONCE.items():
        monkeypatch.setenv(key, value)
    return site, load(site.path / "app.py", f"example_{name}")


def asked(app: Callable[..., Coroutine[Any, Any, None]], method: str, path: str, body: bytes = b"") -> int:
    """Ask an ASGI application as a server would; return the status."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "path": path,
    }
    rest = {"raw_path": path.encode(), "query_string": b"", "headers": [], "scheme": "http", "root_path": ""}
    asyncio.run(app({**scope, **rest, "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}, receive, send))
    return statuses[0]


def test_the_fastapi_example_is_cleaned_of_what_nothing_refers_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, module = example("fastapi", tmp_path, monkeypatch)
    for name in ("sea.jpg", "sun.jpg"):
        assert asked(module.app, "POST", f"/pictures/{name}", b"picture") == 200
    assert asked(module.app, "DELETE", "/pictures/1") == 200
    assert site.dvornik("config", "check").code == 0
    ran = site.dvornik("run")
    assert ran.code == 0, ran.out + ran.err
    assert sorted(name.rpartition("-")[2] for name in site.files("data/media")) == ["sun.jpg", "sun.jpg"]
    assert asked(module.app, "GET", "/pictures/2") == 200
    assert site.dvornik("undo").code == 0
    assert len(site.files("data/media")) == 4


def test_the_flask_example_is_cleaned_of_what_no_text_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, module = example("flask", tmp_path, monkeypatch)
    visitor = module.app.test_client()
    for name in ("one.png", "two.png"):
        visitor.post("/notes", data={"body": "see", "picture": (io.BytesIO(b"png"), name)})
    visitor.post("/login/abc")
    visitor.delete("/notes/1")
    with module.connect() as db:
        db.execute("UPDATE login SET expires = expires - 7200")
    assert site.dvornik("config", "check").code == 0
    ran = site.dvornik("run", "--lang", "en")
    assert ran.code == 0, ran.out + ran.err
    assert [name.rpartition("-")[2] for name in site.files("data/uploads")] == ["two.png"]
    assert "Removed 1 expired session" in ran.out
