"""A project that knows nothing of dvornik, under its own compose file, is cleaned after ``init --docker``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.containers.project import Project, generations
from tools import dist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.containers.engine import Engine

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]
SCRIPT = ("python", "scripts/maintenance/cleanup.py")
HOME = "/srv/shop"
FILES = {
    "requirements.txt": "django>=5.2,<6\ngunicorn\npsycopg[binary]\n",
    "manage.py": """\
import os, sys
from django.core.management import execute_from_command_line
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
execute_from_command_line(sys.argv)
""",
    "shop/__init__.py": "",
    "shop/settings.py": """\
import os
from pathlib import Path
BASE_DIR = Path(__file__).parents[1]
SECRET_KEY = "of a test"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop", "USER": "shop", "HOST": "db",
                         "PASSWORD": os.environ["DB_PASSWORD"]}}
MEDIA_ROOT = BASE_DIR / "media"
MEDIA_URL = "/media/"
ROOT_URLCONF = "shop.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
""",
    "shop/urls.py": "urlpatterns = []\n",
    "shop/wsgi.py": """\
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
""",
    "shop/models.py": """\
from django.db import models
class Product(models.Model):
    picture = models.FileField(upload_to="products")
""",
    "shop/migrations/__init__.py": "",
    "Dockerfile": f"""\
FROM python:3.11-slim
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR {HOME}
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --uid 1234 shop && install -d -o shop media tmp shop/migrations
USER shop
CMD ["sh", "-c", "python manage.py makemigrations shop && python manage.py migrate && exec gunicorn shop.wsgi"]
""",
    "docker-compose.yml": f"""\
services:
  web:
    build: {{context: ., network: host}}
    environment: {{DB_PASSWORD: "${{DB_PASSWORD:-of a test}}"}}
    volumes: ["media:{HOME}/media", "tmp:{HOME}/tmp"]
    depends_on: [db]
    restart: on-failure
  db:
    image: postgres:18
    environment: {{POSTGRES_USER: shop, POSTGRES_DB: shop, POSTGRES_PASSWORD: "${{DB_PASSWORD:-of a test}}"}}
volumes: {{media: , tmp: }}
""",
}


class Shop(Project):
    """The project; its service is called ``web``."""

    def exec(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("exec", "-T", "web", *words, check=check)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dist.build(tmp_path_factory.mktemp("dist"))[1]


@pytest.fixture(params=["1", "2"], ids=["compose 1", "compose 2"])
def shop(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path, wheel: Path) -> Iterator[Shop]:
    compose = generations(engine).get(str(request.param))
    if compose is None:
        pytest.skip(f"no compose of generation {request.param} here")
    path = tmp_path / "shop"
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    (path / wheel.name).write_bytes(wheel.read_bytes())
    found = Shop(engine, compose, f"dvornikshop{request.param}", (), {}, path)
    try:
        yield found
    finally:
        found.down()


def test_a_project_is_adopted_by_the_commands_that_init_says(shop: Shop) -> None:
    env = {**os.environ, "DVORNIK_LANG": "ru"}
    said = subprocess.run(
        [sys.executable, "-m", "dvornik", "init", "--docker"],
        cwd=shop.directory, env=env, capture_output=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip
    lines, up, dry = [line.strip() for line in said.splitlines()[-3:]]
    subprocess.run(["sh", "-c", lines], cwd=shop.directory, check=True)
    assert (up, dry) == (
        "docker compose up --build --detach",
        "docker compose exec web python scripts/maintenance/cleanup.py --dry-run",
    )
    shop.up()
    shop.exec("sh", "-c", "echo x > tmp/old.part && touch -d '3 days ago' tmp/old.part")
    planned = shop.exec(*SCRIPT, "--dry-run", check=False)
    assert planned.returncode == 0, planned.stdout + planned.stderr + shop.run("logs").stdout
    assert "Пробный запуск" in planned.stdout
    done = shop.run("exec", "-T", "-e", "DVORNIK_TEMP_AGE_BY=mtime", "web", *SCRIPT, check=False)
    assert "Удалён 1 временный файл" in done.stdout
    assert done.stdout.rstrip().endswith("✅ Очистка завершена успешно!"), done.stdout + done.stderr
    assert shop.exec("id", "-u").stdout.strip() == "1234"
    assert shop.exec("stat", "-c", "%a %U", "/var/lib/dvornik").stdout.strip() == "700 shop"
    history = shop.exec("dvornik", "history", "--json").stdout
    assert len(json.loads(history)) == 1
    shop.run("up", "--detach", "--force-recreate")
    beside = shop.run("exec", "-T", "cleanup", "dvornik", "history", "--json").stdout
    assert json.loads(beside) == json.loads(history), "the state is on the volume, and both services see it"
    assert shop.run("exec", "-T", "cleanup", *SCRIPT, "--health-check", check=False).returncode == 0
    assert "next at" in shop.run("logs", "cleanup").stdout
    assert shop.inspect("cleanup")["Config"]["Healthcheck"]["Test"][-1] == "--health-check"
    shop.run("stop", "cleanup")
    gone = shop.exec("dvornik", "uninstall", "--restore", "--yes")
    assert "dvornik daemon" in gone.stdout, "whoever keeps the schedules has to be stopped"
    assert shop.exec("ls", "-A", "/var/lib/dvornik").stdout == ""
