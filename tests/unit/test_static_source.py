"""A media root that is, holds or lies in the application's own static files is refused, with what to do."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dvornik import apps, config
from dvornik.errors import ConfigurationError

PAGE = """<link href="{{ url_for('static', filename='css/style.css') }}"><img src="/static/img/logo.png">"""


def flask(base: Path, *uploads: str, declared: str = "") -> None:
    """Make a Flask application that is told where uploads go."""
    for name in ("static/css/style.css", "static/img/logo.png", "templates/base.html", "static/uploads/a.jpg"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(PAGE if name.endswith("html") else "x")
    with closing(sqlite3.connect(base / "app.db")) as made:
        made.execute("CREATE TABLE pic (f TEXT)")
    (base / ".env").write_text(
        "DATABASE_URL=sqlite:///app.db\n" + "".join(f"UPLOAD_FOLDER={each}\n" for each in uploads)
    )
    if declared:
        told = f'[databases.default]\nurl = "sqlite:///app.db"\n[media.default]\nroot = "{declared}"\n'
        (base / "dvornik.toml").write_text(told)


@pytest.mark.parametrize("folder", ["static", "static/css", "static/uploads", "."])
def test_a_found_root_among_static_files_is_left_alone_with_the_remedy(folder: str, tmp_path: Path) -> None:
    flask(tmp_path, folder)
    app = apps.discover(config.load(None, {}, tmp_path), {})
    assert not app.media
    (trouble,) = app.trouble
    assert trouble.steps == ("media",)
    assert trouble.hint


@pytest.mark.parametrize("root", ["static", "static/css", "static/img"])
def test_a_declared_root_that_holds_what_templates_name_is_an_error(root: str, tmp_path: Path) -> None:
    flask(tmp_path, declared=root)
    with pytest.raises(ConfigurationError, match="static"):
        config.load(None, {}, tmp_path)


def test_a_declared_directory_of_uploads_alone_may_lie_among_static_files(tmp_path: Path) -> None:
    flask(tmp_path, "static/uploads", declared="static/uploads")
    app = apps.discover(config.load(None, {}, tmp_path), {})
    assert [Path(place.root).name for place in app.media] == ["uploads"]
    assert not app.trouble


def test_styles_that_templates_name_are_found_wherever_they_lie(tmp_path: Path) -> None:
    flask(tmp_path, declared="assets")
    (tmp_path / "assets/css").mkdir(parents=True)
    assert config.load(None, {}, tmp_path).config.media
    (tmp_path / "assets/css/style.css").touch()
    with pytest.raises(ConfigurationError):
        config.load(None, {}, tmp_path)
