"""The whole cleanup on a site that runs on PostgreSQL and Valkey, as under Docker Compose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.keeper import Keeper
from tests.site.site import Site
from tests.unit.small_site import SmallSite

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def served(tmp_path: Path, postgresql_url: str, valkey_url: str) -> Keeper:
    env = {"DATABASE_URL": postgresql_url, "REDIS_URL": valkey_url}
    return Keeper(Site.populate(tmp_path / "site", env=env))


def test_the_lines_are_those_of_the_contract_and_the_cache_is_left_alone(served: Keeper) -> None:
    ran = served.cleanup()
    assert ran.code == 0, ran.out + ran.err
    assert {
        "📁 Удалено 15 временных файлов",
        "📄 Очищено 3 старых лог-файла",
        "🗂️ Удалено 7 неиспользуемых медиа файлов",
        "🔑 Удалено 200 истёкших сессий",
        "🗄️ Оптимизирована база данных",
    } <= set(ran.lines)
    assert not any("кэш" in line for line in ran.lines)
    made = served.site.manifest
    assert not any((served.site.media / name).exists() for name in made.orphaned)
    assert all((served.site.media / name).exists() for name in made.used)


def test_aggressive_and_cache_only_drop_the_caches_own_keys(served: Keeper) -> None:
    keys = len(served.site.manifest.cache_keys)
    assert keys
    dry = served.cleanup("--cache-only", "--dry-run", "--json")
    assert dry.document["totals"]["cache/entry"]["found"] == keys
    assert served.cleanup("--cache-only", "--json").document["totals"]["cache/entry"]["done"] == keys
    ran = served.cleanup("--aggressive", "--yes")
    assert ran.code == 0, ran.out + ran.err
    assert "⚡ Удалено 0 ключей кэша" in ran.lines


def test_who_asks_for_a_cache_without_patterns_is_told_that_nothing_goes(tmp_path: Path, valkey_url: str) -> None:
    site = SmallSite(tmp_path / "app")
    site.configure(more=f'[cache]\nurl = "{valkey_url}"')
    asked = site.dvornik("run", "cache", "--lang", "en")
    assert (asked.code, "all of them stay" in asked.err, "owned = true" in asked.err) == (0, True, True)
    assert site.dvornik("run", "--lang", "en").err == ""


def test_a_database_that_went_away_spares_the_media_and_not_the_rest(served: Keeper) -> None:
    away = {"DATABASE_URL": "postgresql://nobody:sesame@127.0.0.1:1/none"}
    ran = served.cleanup(env=away)
    assert ran.code == 12
    assert "📁 Удалено 15 временных файлов" in ran.lines
    assert all((served.site.media / name).exists() for name in served.site.manifest.orphaned)
    assert not any("sesame" in text for text in (ran.out, ran.err, served.log.read_text()))
    assert not any("медиа" in line or "сесси" in line for line in ran.lines if line.startswith(("🗂️", "🔑")))
