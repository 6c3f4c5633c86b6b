"""Sites for tests: populated once a worker, then copied, since a copy takes a fiftieth of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.site.site import Site

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def populated(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site that every test of the worker reads and none changes.

    To serve it is to change it (sessions, logs): serve a copy.
    """
    return Site.populate(tmp_path_factory.mktemp("site"))


@pytest.fixture
def site(populated: Site, tmp_path: Path) -> Site:
    """Return a site of this test's own."""
    return populated.copy(tmp_path / "site")
