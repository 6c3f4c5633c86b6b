"""An engine for the session, and the project brought up under each generation of compose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.containers import engine as engines
from tests.containers.project import QUICK, ROOT, Project, environment, generations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.containers.engine import Engine


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """An engine; without one nothing here can be said, and the whole run fails."""
    try:
        with engines.found() as found:
            yield found
    except engines.NoEngineError as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture(scope="session", params=["1", "2"], ids=["compose 1", "compose 2"])
def project(
    request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """The project, up and populated."""
    generation = str(request.param)
    compose = generations(engine).get(generation)
    if compose is None:
        pytest.skip(f"no compose of generation {generation} here")
    overlay = tmp_path_factory.mktemp("compose") / "quick.yml"
    overlay.write_text(QUICK)
    project = Project(
        engine, compose, f"dvorniktest{generation}", (ROOT / "docker-compose.yml", overlay), environment()
    )
    project.down()
    try:
        project.up()
        project.exec("python", "manage.py", "populate")
        yield project
    finally:
        project.down()
