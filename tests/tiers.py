"""Marks the tests that the fast tier goes without: those that wait for a server or a browser, or start a process.

What a test starts is read off its own code and off that of its fixtures and of the functions it calls in ``tests``: a
new test takes its place by itself. ``make check`` runs the unmarked ones of ``tests/unit``.
"""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERVERS = "tests.servers."
LIGHT = (f"{SERVERS}mail", f"{SERVERS}web")
"""Serve in the test's own process, and at once."""
DOORS = {"dvornik", "started", "subprocess", "Popen", "getfixturevalue", "program"}
"""Names by which a process is started, or a server asked for: ``site.dvornik(…)`` is the command itself."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark each test that needs more than its own process."""
    for item in items:
        if isinstance(item, pytest.Function) and any(map(_is_whole, _functions(item))):
            item.add_marker("whole")


def _functions(item: pytest.Function) -> Iterator[object]:
    yield item.function
    for fixtures in item._fixtureinfo.name2fixturedefs.values():
        yield fixtures[-1].func


def _is_whole(function: object) -> bool:
    made_in = getattr(function, "__module__", None) or ""
    return (made_in.startswith(SERVERS) and made_in not in LIGHT) or bool(DOORS & _names(function, set()))


def _names(function: object, seen: set[object]) -> set[str]:
    """Return the names that a function uses, and those that functions of the tests use that it calls."""
    function = getattr(function, "__wrapped__", function)
    if not isinstance(function, FunctionType) or function in seen or not function.__module__.startswith("tests."):
        return set()
    seen.add(function)
    names = set(_of_code(function.__code__))
    return names.union(*(_names(function.__globals__.get(name), seen) for name in names))


def _of_code(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _of_code(part)
