"""``dvornik init --docker``: what a project of compose needs is written beside its own files, none of which changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from dvornik import __version__
from dvornik.schedule.compose_project import read
from tests.e2e.keeper import SCRIPT, Ran, tree

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = """\
FROM python:3.12-slim AS build
USER nobody
FROM python:3.12-slim
ENV HOME_OF_IT=/srv/shop
WORKDIR $HOME_OF_IT
COPY . .
USER shop
CMD ["gunicorn", "config.wsgi"]
"""
COMPOSE = """\
x-common: &common
  DATABASE_URL: postgres://shop:${PASSWORD:-secret}@db/shop
services:
  web:
    build: .
    environment:
      <<: *common
    ports: ["8000:8000"]
    volumes: ["media:/srv/shop/media"]
    depends_on: [db]
  worker: {build: ., command: celery -A config worker}
  db: {image: "postgres:16"}
  cache: {image: "redis:7"}
volumes: {media: }
"""


class Project:
    """A project of compose, and its operator."""

    def __init__(self, path: Path, compose: str = COMPOSE, dockerfile: str = DOCKERFILE, **more: str) -> None:
        self.path = path
        texts = {"docker-compose.yml": compose, "Dockerfile": dockerfile, "manage.py": "", **more}
        for name, text in texts.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text(text)

    def init(self, *words: str, before: str = "") -> Ran:
        call = f"{before}\nfrom dvornik.cli.entry import dvornik; dvornik()"
        env = {"PATH": "/nonexistent", "LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", call, "init", "--docker", *words]
        done = subprocess.run(command, cwd=self.path, env=env, capture_output=True, text=True, check=False, timeout=60)
        return Ran(done.returncode, done.stdout, done.stderr)

    def written(self, name: str = "docker-compose.override.yml") -> dict[str, Any]:
        found: dict[str, Any] = YAML(typ="safe").load(self.path / name)
        return found

    def lines(self, directory: str = ".") -> str:
        return (self.path / directory / "Dockerfile.dvornik").read_text()


def test_script_service_volume_and_lines_for_the_image_are_written_and_nothing_else_changes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    before = tree(tmp_path)
    ran = project.init("--lang", "ru")
    assert ran.code == 0, ran.err
    assert (tmp_path / "scripts/maintenance/cleanup.py").read_text() == SCRIPT.read_text()
    services = project.written()["services"]
    assert services["web"]["volumes"] == ["dvornik:/var/lib/dvornik"]
    assert services["cleanup"]["volumes"] == ["media:/srv/shop/media", "dvornik:/var/lib/dvornik"]
    assert services["cleanup"]["environment"]["DATABASE_URL"] == "postgres://shop:${PASSWORD:-secret}@db/shop"
    assert services["cleanup"]["environment"]["DVORNIK_LANG"] == "${DVORNIK_LANG:-ru}"
    assert (services["cleanup"]["working_dir"], services["cleanup"]["image"]) == ("/srv/shop", services["web"]["image"])
    assert '[postgresql,redis]"' in project.lines()
    assert project.lines().endswith('chown "shop" /var/lib/dvornik\nUSER shop\n')
    assert {path: was for path, was in tree(tmp_path).items() if path in before and path != str(tmp_path)} == {
        path: was for path, was in before.items() if path != str(tmp_path)
    }


def test_the_commands_that_are_left_are_said(tmp_path: Path) -> None:
    ran = Project(tmp_path).init()
    assert ran.lines[-3:] == [
        "  cat Dockerfile.dvornik >> Dockerfile",
        "  docker compose up --build --detach",
        "  docker compose exec web python scripts/maintenance/cleanup.py --dry-run",
    ]


def test_a_second_time_writes_the_same_and_asks_for_no_line_twice(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.init()
    first = project.written()
    (tmp_path / "Dockerfile").write_text(DOCKERFILE + project.lines())
    ran = project.init()
    assert (ran.code, ">> Dockerfile" in ran.out) == (0, False)
    assert project.written() == first
    assert project.lines().count("USER shop") == 1


def test_what_is_written_follows_the_schema_of_compose_and_has_no_name_at_its_top(tmp_path: Path) -> None:
    project = Project(tmp_path, 'version: "3.8"\n' + COMPOSE)
    project.init()
    path = tmp_path / "docker-compose.override.yml"
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    run = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert ("name" in project.written(), project.written()["version"]) == (False, "3.8")


def test_an_override_of_the_project_stays_and_ours_is_named_to_compose(tmp_path: Path) -> None:
    override = "services: {web: {environment: [DEBUG=1]}}\n"
    project = Project(tmp_path, **{"compose.override.yml": override})
    ran = project.init()
    assert (tmp_path / "compose.override.yml").read_text() == override
    assert project.written("compose.dvornik.yml")["services"]["cleanup"]["environment"]["DEBUG"] == "1"
    names = "docker-compose.yml:compose.override.yml:compose.dvornik.yml"
    assert f"  echo COMPOSE_FILE={names} >> .env" in ran.lines


def test_a_file_of_somebody_elses_is_not_overwritten_and_nothing_is_written_then(tmp_path: Path) -> None:
    project = Project(tmp_path, **{"Dockerfile.dvornik": "FROM mine\n"})
    before = tree(tmp_path)
    ran = project.init()
    assert (ran.code, "Dockerfile.dvornik" in ran.err) == (2, True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("compose", "said"),
    [
        ("services: {one: {build: .}, two: {build: .}}", "--service: one, two"),
        ("services: {db: {image: 'postgres:16'}}", "--service: db"),
        ("services: [", "docker-compose.yml"),
        ("[]", "not a mapping"),
        ("hello", "not a mapping"),
        ("", "names no service"),
        ("services: {}", "names no service"),
        ("services: {app: {command: gunicorn x}}", "neither image nor build"),
    ],
)
def test_where_the_service_is_not_clear_it_is_asked_for(tmp_path: Path, compose: str, said: str) -> None:
    project = Project(tmp_path, compose)
    ran = project.init()
    assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not (tmp_path / "scripts").exists()


def test_the_service_and_the_files_can_be_named(tmp_path: Path) -> None:
    project = Project(tmp_path, "services: {db: {image: x}}", **{"local.yml": COMPOSE})
    ran = project.init("--compose", "local.yml", "--service", "worker")
    assert ran.code == 0, ran.err
    assert "worker" in project.written("compose.dvornik.yml")["services"]
    assert "COMPOSE_FILE=local.yml:compose.dvornik.yml" in ran.out


def test_what_a_service_extends_belongs_to_it(tmp_path: Path) -> None:
    common = "services: {base: {build: ., environment: [A=1], env_file: .env, volumes: ['data:/data']}}\n"
    app = "services:\n  app:\n    extends: {file: common.yml, service: base}\n    environment: {B: 2}\n"
    app += "    ports: !reset []\n"
    project = Project(tmp_path, app, **{"common.yml": common})
    ran = project.init()
    assert ran.code == 0, ran.err
    cleanup = project.written()["services"]["cleanup"]
    assert {name: cleanup["environment"][name] for name in "AB"} == {"A": "1", "B": 2}
    assert (cleanup["env_file"], cleanup["volumes"][0]) == (".env", "data:/data")


@pytest.mark.parametrize(
    ("script", "passes"),
    [
        ('#!/bin/sh\nexport X=1\nexec "$@"\n', True),
        ('python manage.py migrate\nexec "$@"\n', False),
        ("gunicorn config.wsgi\n", False),
    ],
)
def test_the_service_runs_through_an_entry_point_only_where_that_hands_on(
    tmp_path: Path, script: str, passes: bool
) -> None:
    dockerfile = DOCKERFILE + 'ENTRYPOINT ["tini", "--", "/srv/shop/entry.sh"]\nCMD ["gunicorn", "x"]\n'
    project = Project(tmp_path, dockerfile=dockerfile, **{"docker/entry.sh": script})
    ran = project.init()
    cleanup = project.written()["services"]["cleanup"]
    words = ["python", "-P", "-m", "dvornik", "daemon"]
    assert (cleanup.get("entrypoint"), cleanup["command"]) == ((None, words) if passes else (words, []))
    assert ("does not run through" in ran.out) != passes


def test_a_backend_in_a_directory_of_its_own_gets_its_script_there(tmp_path: Path) -> None:
    dockerfile = "FROM python:3.12\nWORKDIR /app\nCOPY backend/ ./\nCMD uvicorn site:app"
    project = Project(tmp_path, dockerfile=dockerfile, **{"backend/manage.py": ""})
    (tmp_path / "manage.py").unlink()
    ran = project.init()
    assert (tmp_path / "backend/scripts/maintenance/cleanup.py").is_file()
    assert "exec web python scripts/maintenance/cleanup.py" in ran.out
    assert "{ echo; cat Dockerfile.dvornik; } >> Dockerfile" in ran.out, "its last line does not end"
    assert "USER" not in project.lines().replace("USER root", "")


def test_a_backend_below_the_working_directory_is_called_by_its_path(tmp_path: Path) -> None:
    project = Project(tmp_path, **{"backend/manage.py": ""})
    (tmp_path / "manage.py").unlink()
    ran = project.init()
    assert "exec web python /srv/shop/backend/scripts/maintenance/cleanup.py" in ran.out
    assert project.written()["services"]["cleanup"]["working_dir"] == "/srv/shop/backend"


@pytest.mark.parametrize("place", ["image", "base"])
def test_an_image_whose_user_nobody_knows_is_never_left_to_root(tmp_path: Path, place: str) -> None:
    made = "build: ." if place == "base" else "image: example/shop:1\n    command: gunicorn x"
    project = Project(tmp_path, f"services:\n  app:\n    {made}\n", "FROM example/shop:1\nCMD gunicorn x\n")
    ran = project.init()
    assert project.lines().endswith("\nUSER the-user-of-this-image\n")
    assert "the-user-of-this-image" in ran.out
    assert ("FROM example/shop:1" in project.lines()) == (place == "image")
    daemon = ["python", "-P", "-m", "dvornik", "daemon"]
    assert project.written()["services"]["cleanup"]["entrypoint"] == daemon, "what its own does, nobody has read"


def test_an_ignored_file_is_told_with_the_line_that_lets_it_in(tmp_path: Path) -> None:
    project = Project(tmp_path, **{".dockerignore": "*\n!config\n", "backend/manage.py": ""})
    assert {"   !dvornik-[0-9]*", "   !scripts"} <= set(project.init().lines)
    (tmp_path / "manage.py").unlink()
    assert {"   !dvornik-[0-9]*", "   !backend/scripts"} <= set(project.init().lines)


@pytest.mark.parametrize(("image", "copied"), [("python:3.12-slim", ".whl"), ("python:3.12-alpine", ".tar.gz")])
def test_what_it_was_installed_from_is_copied_to_where_the_image_is_built(
    tmp_path: Path, image: str, copied: str
) -> None:
    names = ("dvornik-0.1.0-cp311-abi3-linux_x86_64.whl", "dvornik-0.1.0.tar.gz")
    dist = tmp_path / "built here"
    record = tmp_path / "site" / f"dvornik-{__version__}.dist-info"
    for directory in (dist, record):
        directory.mkdir(parents=True)
    for name in names:
        (dist / name.replace("0.1.0", __version__)).write_text(name)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dvornik\nVersion: {__version__}\n")
    url = (dist / names[0].replace("0.1.0", __version__)).as_uri()
    (record / "direct_url.json").write_text(json.dumps({"url": url, "archive_info": {}}))
    project = Project(tmp_path / "shop", dockerfile=DOCKERFILE.replace("python:3.12-slim", image))
    ran = project.init(before=f"import sys; sys.path.insert(0, {str(record.parent)!r})")
    assert ran.code == 0, ran.err
    assert [path.name.endswith(copied) for path in project.path.glob("dvornik-*")] == [True]


def test_without_pyyaml_it_says_what_to_install(tmp_path: Path) -> None:
    ran = Project(tmp_path).init(before="import sys; sys.modules['yaml'] = None")
    assert (ran.code, "pip install 'pyyaml" in ran.err) == (2, True)


IMAGE = """\
services:
  app:
    image: "example/app:${TAG:-latest}"
    command: gunicorn shop.wsgi
    user: "33"
    environment: {DATABASE_URL: "postgresql://db/x"}
"""
APART = "/opt/dvornik/scripts/maintenance/cleanup.py"


@pytest.mark.parametrize(
    "context",
    ["https://example.org/x/shop.git", "https://example.org/x.git#main:backend", "git@example.org:x/shop.git",
     "git://example.org/shop", "ssh://git@example.org/shop", "example.org/x/shop.git", "github.com/x/shop",
     "${WHERE:-https://example.org/x.git}"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["build: {}", "build: {{context: {}}}"])
def test_an_image_that_is_built_from_elsewhere_is_refused_and_nothing_is_written(
    tmp_path: Path, context: str, form: str
) -> None:
    project = Project(tmp_path, f"services:\n  app:\n    {form.format(json.dumps(context))}\n    command: gunicorn x\n")
    before = tree(tmp_path)
    ran = project.init()
    assert (ran.code, "clone" in ran.err.lower()) == (2, True), ran.out + ran.err
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("build", "said"),
    [
        ("{context: ., dockerfile_inline: 'FROM python:3.12'}", "dockerfile_inline"),
        ("{context: ./not-there}", "not-there"),
        ("{context: '${SOURCES:?where the sources are}'}", "where the sources are"),
    ],
)
def test_what_our_lines_could_not_be_added_to_is_refused(tmp_path: Path, build: str, said: str) -> None:
    project = Project(tmp_path, f"services:\n  app: {{build: {build}}}\n")
    before = tree(tmp_path)
    ran = project.init()
    assert (ran.code, said in ran.err) == (2, True), ran.out + ran.err
    assert tree(tmp_path) == before


def test_the_image_of_the_application_is_built_upon_whatever_its_variables_become(tmp_path: Path) -> None:
    project = Project(tmp_path, IMAGE, **{".env": "TAG=1.2.3\n"})
    assert project.init().code == 0
    build = project.written()["services"]["app"]["build"]
    assert build["args"] == {"APPLICATION_IMAGE": "example/app:${TAG:-latest}"}
    assert project.lines().splitlines()[1:3] == ["ARG APPLICATION_IMAGE", "FROM ${APPLICATION_IMAGE}"]


def test_the_package_fits_the_image_that_the_variables_make(tmp_path: Path) -> None:
    for text, image in {
        "TAG=3.12-alpine": "example/app:3.12-alpine", "": "example/app:latest", "TAG=": "example/app:latest",
    }.items():  # fmt: skip
        (tmp_path / ".env").write_text(text)
        Project(tmp_path, IMAGE)
        assert read(tmp_path).service().image == image


def test_a_variable_that_compose_insists_on_is_asked_for(tmp_path: Path) -> None:
    ran = Project(tmp_path, IMAGE.replace(":-latest", ":?the release to run")).init()
    assert (ran.code, "the release to run" in ran.err, "TAG" in ran.err) == (2, True, True)
    assert not (tmp_path / "scripts").exists()


def test_an_image_that_is_taken_as_it_is_gets_the_script_at_a_place_of_ours(tmp_path: Path) -> None:
    project = Project(tmp_path, IMAGE)
    ran = project.init()
    assert f"COPY scripts/maintenance/cleanup.py {APART}" in project.lines()
    cleanup = project.written()["services"]["cleanup"]
    assert cleanup["healthcheck"]["test"] == ["CMD", "python", APART, "--health-check"]
    assert f"docker compose exec app python {APART} --dry-run" in ran.out
    assert "working_dir" not in cleanup, "that of the image stays"
    assert project.lines().endswith('chown "33" /var/lib/dvornik\nUSER 33\n')


@pytest.mark.parametrize("copies", ["COPY config/ /srv/shop/config/", "COPY --from=build /made /srv/shop"])
def test_an_image_that_gets_other_directories_gets_the_script_too(tmp_path: Path, copies: str) -> None:
    project = Project(tmp_path, dockerfile=f"FROM example/base\n{copies}\nUSER shop\nCMD gunicorn x\n")
    ran = project.init()
    assert f"COPY scripts/maintenance/cleanup.py {APART}" in project.lines()
    assert f"exec web python {APART}" in ran.out
    assert '"/"' not in (tmp_path / "docker-compose.override.yml").read_text()


def test_a_mounted_application_is_cleaned_where_it_is_mounted(tmp_path: Path) -> None:
    project = Project(tmp_path, IMAGE + "    volumes: ['${CODE:-.}:/srv/app']\n    working_dir: ${AT:-/srv/app}\n")
    ran = project.init()
    assert "exec app python scripts/maintenance/cleanup.py" in ran.out
    assert "/opt/dvornik" not in project.lines()
    assert project.written()["services"]["cleanup"]["working_dir"] == "/srv/app"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"services: [", "строка 1, столбец 12"),
        (b"services:\n  a: {b: c\n  d: ]\n", "строка 3"),
        (b"services: {a: \xff}\n", "UTF-8"),
        (b"hello\n", "не содержит"),
        (None, "нет такого файла"),
    ],
)
def test_what_is_wrong_with_a_compose_file_is_said_in_the_operators_language(
    tmp_path: Path, text: bytes | None, said: str
) -> None:
    project = Project(tmp_path)
    if text is not None:
        (tmp_path / "mine.yml").write_bytes(text)
    ran = project.init("--compose", "mine.yml", "--lang", "ru")
    assert (ran.code, said in ran.err) == (2, True), ran.err
    assert not any(word in ran.err for word in ("while", "unicode string", "Errno"))


def test_the_files_that_the_projects_own_variables_name_are_read_and_named_once(tmp_path: Path) -> None:
    project = Project(
        tmp_path, "services: {db: {image: x}}", **{"local.yml": COMPOSE, ".env": "COMPOSE_FILE=local.yml\n"}
    )
    ran = project.init()
    assert (ran.code, "web" in project.written("compose.dvornik.yml")["services"]) == (0, True), ran.err
    line = "  echo COMPOSE_FILE=local.yml:compose.dvornik.yml >> .env"
    assert line in ran.lines
    with (tmp_path / ".env").open("a") as file:
        file.write("COMPOSE_FILE=local.yml:compose.dvornik.yml\n")
    again = project.init()
    assert (again.code, line in again.lines) == (0, False)
