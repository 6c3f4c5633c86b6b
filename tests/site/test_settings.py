"""The site's settings follow the environment, and reading them changes nothing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.site.site import BACKEND, environment

if TYPE_CHECKING:
    from pathlib import Path


def parse(url: str, directory: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("database_url", BACKEND / "site_project" / "database_url.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    parsed: dict[str, Any] = module.parse(url, directory)
    return parsed


def test_a_relative_sqlite_path_counts_from_the_site(tmp_path: Path) -> None:
    assert parse("sqlite:///my%20site.db", tmp_path)["NAME"] == str(tmp_path / "my site.db")
    assert parse("sqlite:////var/site.db", tmp_path)["NAME"] == "/var/site.db"


def test_a_postgresql_address_is_taken_apart(tmp_path: Path) -> None:
    found = parse("postgresql+psycopg://u:p%40ss@db:5433/name?sslmode=require", tmp_path)
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("u", "p@ss", "db", "5433")
    assert (found["NAME"], found["OPTIONS"]) == ("name", {"sslmode": "require"})


def test_a_socket_may_stand_in_the_query(tmp_path: Path) -> None:
    found = parse("postgres:///name?host=/run/postgresql&port=5433", tmp_path)
    assert (found["HOST"], found["PORT"], found["OPTIONS"]) == ("/run/postgresql", "5433", {})


def test_an_unknown_database_is_refused_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mysql") as refusal:
        parse("mysql://u:secret@db/name", tmp_path)
    assert "secret" not in str(refusal.value)


def test_reading_the_settings_makes_no_file(tmp_path: Path) -> None:
    code = "import django; django.setup(); from django.conf import settings; print(settings.MEDIA_ROOT)"
    env = {**environment(tmp_path / "site", {}), "DJANGO_SETTINGS_MODULE": "site_project.settings"}
    command = [sys.executable, "-c", code]
    out = subprocess.run(command, cwd=BACKEND, env=env, check=True, capture_output=True, text=True).stdout
    assert out.strip() == str(tmp_path / "site" / "media")
    assert not list(tmp_path.iterdir())
