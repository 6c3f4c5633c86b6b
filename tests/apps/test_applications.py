"""Real applications are used, then cleaned: nothing that their pages show is missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.apps import spirit, wagtail
from tests.apps.recipe import keep_house

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(900)


def test_spirit_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(spirit.RECIPE, tmp_path / "spirit")


def test_wagtail_loses_nothing_but_debris(tmp_path: Path) -> None:
    keep_house(wagtail.RECIPE, tmp_path / "wagtail")
