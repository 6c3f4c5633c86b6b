"""Whoever lacks a library is told what it is called on the package index: our own name there is not ours."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from dvornik.extras import LIBRARIES, command

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("src", "docs", "deploy", "backend", "examples", "README.md", "README.ru.md", "CONTRIBUTING.md", "Dockerfile")


def test_each_extra_is_told_by_the_libraries_that_it_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {
        name: tuple(library.partition(";")[0] for library in libraries)
        for name, libraries in project["optional-dependencies"].items()
    }
    assert wanted == LIBRARIES
    assert command("otel").count("'") == 4


def test_nowhere_is_our_own_name_to_be_fetched_from_an_index() -> None:
    paths = [path for place in PLACES for path in [ROOT / place, *(ROOT / place).rglob("*")] if path.is_file()]
    advised = re.compile(rb"(?:pip|uv|pipx) (?:tool )?install [^\n`/]*\bdvornik\b(?!/)|\bdvornik\[\w")
    found = [str(path) for path in paths if path.suffix not in {".pyc", ".mo"} and advised.search(path.read_bytes())]
    assert found == []
