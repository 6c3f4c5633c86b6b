"""Real applications are used, then cleaned: nothing that their pages show is missed."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest

from tests.apps import indico, mezzanine, photos, roundup, spirit, thumbnails, trac, wagtail
from tests.apps.application import Application, look
from tests.apps.environments import python_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.apps.recipe import Recipe

pytestmark = pytest.mark.timeout(900)


def test_spirit_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(spirit.RECIPE, tmp_path / "spirit")


@pytest.mark.apps
def test_wagtail_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(wagtail.RECIPE, tmp_path / "wagtail")


@pytest.mark.apps
def test_mezzanine_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(mezzanine.RECIPE, tmp_path / "mezzanine")


@pytest.mark.apps
def test_indico_loses_nothing_but_debris(tmp_path: Path, postgresql_url: str, valkey_url: str) -> None:
    keep_house(indico.RECIPE, tmp_path / "indico", {"DATABASE_URL": postgresql_url, "REDIS_URL": valkey_url})


@pytest.mark.apps
def test_thumbnails_stay_with_their_original_and_go_with_it(tmp_path: Path) -> None:
    keep_house(thumbnails.RECIPE, tmp_path / "thumbnails")


@pytest.mark.apps
def test_what_galleries_and_avatars_make_of_a_picture_stays_and_goes_with_it(tmp_path: Path) -> None:
    keep_house(photos.RECIPE, tmp_path / "photos")


@pytest.mark.apps
def test_trac_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(trac.RECIPE, tmp_path / "trac")


@pytest.mark.apps
def test_roundup_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(roundup.RECIPE, tmp_path / "roundup")


def keep_house(recipe: Recipe, home: Path, env: Mapping[str, str] | None = None) -> None:
    """Make the application, use it, clean it: its pages show all that they showed, and the orphans are gone."""
    app = Application(home, python_of(recipe.name), env)
    recipe.make(app)
    with app.serve(recipe.wsgi) as browser:
        visit = recipe.fill(browser)
        before = look(browser, visit.pages, recipe.shown)
        assert len(before) > 3
        app.plant([*recipe.orphans, *recipe.held])
        files = app.files()
        debris = {name for name in files if name in recipe.orphans or any(fnmatchcase(name, p) for p in visit.left)}
        assert app.planned() == debris
        assert app.files() == files
        app.dvornik("run", "media")
        assert app.files() == {name: content for name, content in files.items() if name not in debris}
        assert look(browser, visit.pages, recipe.shown) == before
        app.dvornik("undo")
        assert app.files() == files
