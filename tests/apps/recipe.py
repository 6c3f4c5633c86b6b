"""What is told of an application, and the one story that every application must come through."""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003 - msgspec reads the annotations
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

from tests.apps.application import Application, look
from tests.apps.browser import Browser
from tests.apps.environments import python_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Visit(msgspec.Struct, frozen=True):
    """What somebody made."""

    pages: Sequence[str]
    """Addresses of all pages that show something of it."""
    left: Sequence[str] = ()
    """Files below the media directory that the application itself leaves behind and no page shows (glob)."""


class Recipe(msgspec.Struct, frozen=True):
    """An application, how a project of it is made, and what its people do with it."""

    name: str
    """Its pins are `requirements/apps/NAME.txt`."""
    wsgi: str
    make: Callable[[Application], None]
    """Make a project with an empty database and an administrator."""
    fill: Callable[[Browser], Visit]
    """Make content through its own pages."""
    orphans: Sequence[str]
    """Files of the shapes that it writes, to be planted where nothing refers to them."""
    shown: str = "/media/"
    """Under which addresses its pages show files: the beginning of a path, as a regular expression."""


def keep_house(recipe: Recipe, home: Path, env: Mapping[str, str] | None = None) -> None:
    """Make the application, use it, clean it: its pages show all that they showed, and the orphans are gone."""
    app = Application(home, python_of(recipe.name), env)
    recipe.make(app)
    with app.serve(recipe.wsgi) as browser:
        visit = recipe.fill(browser)
        before = look(browser, visit.pages, recipe.shown)
        assert len(before) > 3
        app.plant(recipe.orphans)
        files = app.files()
        debris = {name for name in files if name in recipe.orphans or any(fnmatchcase(name, p) for p in visit.left)}
        assert app.planned() == debris
        assert app.files() == files
        app.dvornik("run", "media")
        assert app.files() == {name: content for name, content in files.items() if name not in debris}
        assert look(browser, visit.pages, recipe.shown) == before
        app.dvornik("undo")
        assert app.files() == files
