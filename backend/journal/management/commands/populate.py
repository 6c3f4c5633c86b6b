"""``manage.py populate``: makes the site lived-in."""

import json
import shutil
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from journal.models import SiteSetting
from journal.population import debris, visitors
from journal.population.chance import Chance
from journal.population.content import Content
from journal.population.manifest import Manifest
from journal.population.shelf import Shelf
from site_project.places import DATA, LOGS, MEDIA, UPLOADS_IN_PROGRESS

PLACEHOLDERS = [MEDIA / ".gitkeep", UPLOADS_IN_PROGRESS / ".gitkeep"]


class Command(BaseCommand):
    """Fills the site with content in use and with debris; the same seed, scale and time make the same site.

    A second run adds nothing twice: rows and files that are there stay, what a cleanup took comes back. Content keeps
    the dates of the first run with its seed, since names of files hold them; debris is dated from this one.
    """

    help = "Наполняет сайт: статьи, снимки, документы, сессии, логи и всё, что пора убрать."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument("--scale", type=_positive, default=1, help="во сколько раз больше (1: 20 статей)")
        parser.add_argument("--seed", type=int, default=1, help="одинаковое зерно даёт одинаковый сайт")
        parser.add_argument("--now", type=_moment, default=None, help="момент, от которого считаются все сроки")
        parser.add_argument("--clean", action="store_true", help="сначала стереть все строки, медиа, логи и tmp")
        parser.add_argument("--json", action="store_true", help="вывести перечень того, что сделано")

    def handle(self, **options: Any) -> None:  # noqa: ANN401 - Django's own signature
        """Migrate, fill, and say what there is."""
        call_command("migrate", verbosity=0)
        if options["clean"]:
            _clean()
        now = options["now"] or timezone.localtime().replace(microsecond=0)
        manifest = Manifest(options["scale"], options["seed"], now)
        _fill(manifest)
        # Pages show the settings from the cache.
        cache.delete("appearance")
        self.stdout.write(json.dumps(manifest.as_json()) if options["json"] else _describe(manifest))


def _fill(manifest: Manifest) -> None:
    scale, now, chance = manifest.scale, manifest.now, Chance(str(manifest.seed))
    for placeholder in PLACEHOLDERS:
        placeholder.touch()
    manifest.placeholders = {placeholder.relative_to(DATA).as_posix() for placeholder in PLACEHOLDERS}
    debris.orphans(Shelf(MEDIA, manifest.orphaned), chance, now, scale)
    debris.abandoned_uploads(Shelf(UPLOADS_IN_PROGRESS, manifest.old_temp), chance, now, scale)
    debris.uploads_in_progress(Shelf(UPLOADS_IN_PROGRESS, manifest.fresh_temp), chance, now)
    debris.old_logs(Shelf(LOGS, manifest.old_logs), chance, now, scale)
    debris.fresh_logs(Shelf(LOGS, manifest.fresh_logs), chance, now)
    with transaction.atomic():
        manifest.articles = Content(Shelf(MEDIA, manifest.used), chance, _first_run(manifest)).fill(scale)
        user = visitors.editor()
        expired, live = visitors.EXPIRED * scale, visitors.LIVE * scale
        last_expired = now - timedelta(hours=expired)
        manifest.expired_sessions = visitors.sessions(chance, "expired", expired, last_expired, user)
        manifest.live_sessions = visitors.sessions(chance, "live", live, now + timedelta(days=7), user)
    manifest.cache_keys = visitors.cached_pages(chance, visitors.CACHED * scale)


def _first_run(manifest: Manifest) -> datetime:
    """Return the time of the first run with this seed; this one's where there was none."""
    key = f"populated-{manifest.seed}"
    row, _ = SiteSetting.objects.get_or_create(key=key, defaults={"value": manifest.now.isoformat()})
    return datetime.fromisoformat(row.value)


def _clean() -> None:
    call_command("flush", interactive=False, verbosity=0)
    for place in (MEDIA, UPLOADS_IN_PROGRESS, LOGS):
        for entry in place.iterdir():
            _remove(entry)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


def _describe(manifest: Manifest) -> str:
    database = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    lines = [
        f"🏡 Сайт наполнен: {DATA} (база {database}, масштаб {manifest.scale}, зерно {manifest.seed})",
        f"   статьи: {manifest.articles}",
        f"   медиа в употреблении: {len(manifest.used)}, ничьи: {len(manifest.orphaned)}",
        f"   временные файлы: старые {len(manifest.old_temp)}, свежие {len(manifest.fresh_temp)}",
        f"   логи: старые {len(manifest.old_logs)}, свежие {len(manifest.fresh_logs)}",
        f"   сессии: истёкшие {len(manifest.expired_sessions)}, живые {len(manifest.live_sessions)}",
        f"   ключи кэша: {len(manifest.cache_keys)}",
        f"   вход для редакции: {visitors.EDITOR} / {visitors.PASSWORD}",
    ]
    return "\n".join(lines)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(text)
    return number


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else timezone.make_aware(moment)
