"""Sites with an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.keeper import Keeper
from tests.site.conftest import populated, site

if TYPE_CHECKING:
    from tests.site.site import Site

__all__ = ["populated", "site"]


@pytest.fixture
def keeper(site: Site) -> Keeper:
    """Return the operator of a site of this test's own."""
    return Keeper(site)
