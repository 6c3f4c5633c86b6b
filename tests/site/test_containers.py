"""The containers keep the contract: service, working directory, healthcheck, volumes, and no secret built in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)["services"]
    return loaded


def test_the_compose_file_follows_its_schema() -> None:
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    run = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_the_service_app_works_in_the_backend(services: dict[str, Any]) -> None:
    assert set(services) == {"app", "db", "redis"}
    assert services["app"]["working_dir"] == "/app/backend"


def test_the_healthcheck_is_the_one_of_the_contract(services: dict[str, Any]) -> None:
    assert services["app"]["healthcheck"] == {
        "test": ["CMD", "python", "scripts/maintenance/cleanup.py", "--health-check"],
        "interval": "1h",
        "timeout": "30s",
        "retries": 3,
    }


def test_what_must_outlive_the_container_is_on_volumes(services: dict[str, Any]) -> None:
    targets = {volume.partition(":")[2] for volume in services["app"]["volumes"]}
    assert targets == {f"/app/backend/{name}" for name in ("media", "logs", "tmp", ".dvornik")}
    image = DOCKERFILE.read_text(encoding="utf-8")
    assert all(target in image for target in targets), "a volume takes its owner from the image"


def test_every_secret_can_be_given_from_outside(services: dict[str, Any]) -> None:
    assert services["app"]["environment"]["SECRET_KEY"].startswith("${SECRET_KEY:-")
    assert ":${POSTGRES_PASSWORD:-" in services["app"]["environment"]["DATABASE_URL"]
    assert services["db"]["environment"]["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:-")


def test_nothing_is_published_beyond_the_own_machine(services: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services["app"]["ports"])
    assert not any("ports" in services[name] for name in ("db", "redis"))


def test_the_image_runs_as_nobody_in_particular_with_pinned_requirements() -> None:
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    assert "USER app" in lines
    assert "WORKDIR /app/backend" in lines
    assert any("--require-hashes -r /build/requirements/site.txt" in line for line in lines)


def test_what_the_image_copies_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").split() if line[0] == "!"}
    copies = [line.split()[1:-1] for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if line[:5] == "COPY "]
    sources = {source.partition("/")[0] for copied in copies for source in copied if "--from" not in copied[0]}
    assert sources == allowed
