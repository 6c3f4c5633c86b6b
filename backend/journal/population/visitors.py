"""Who was here: an editor, sessions by the hundred, and what the cache remembers of their visits."""

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.cache import cache

from journal.population.chance import Chance

EDITOR, PASSWORD = "editor", "dvornik"  # the demonstration's own, printed for everyone to read
EXPIRED = 200
"""For each unit of scale, as are the other numbers."""
LIVE = 40
CACHED = 60
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def editor() -> User:
    """Return the user who writes, with every permission; make them if missing."""
    known = get_user_model().objects.filter(username=EDITOR).first()
    return known or get_user_model().objects.create_superuser(EDITOR, "editor@dvor.example", PASSWORD)


def sessions(chance: Chance, kind: str, count: int, first_expiry: datetime, user: User) -> set[str]:
    """Write ``count`` sessions that expire hour by hour from ``first_expiry`` on; every fourth is the editor's."""
    rows = []
    for number in range(count):
        rng = chance.of("session", kind, number)
        store = SessionStore("".join(rng.choices(_ALPHABET, k=32)))
        data = {"seen": rng.sample(range(1, 500), 12)} | (_signed_in(user) if number % 4 == 0 else {})
        row = store.create_model_instance(data)
        row.expire_date = first_expiry + timedelta(hours=number)
        rows.append(row)
    Session.objects.bulk_create(rows, batch_size=500, ignore_conflicts=True)
    return {row.session_key for row in rows}


def cached_pages(chance: Chance, count: int) -> set[str]:
    """Remember pieces of pages for a day; nothing where the cache is only this process's own memory."""
    if not settings.REDIS_URL:
        return set()
    pieces = {f"card:{chance.of('cache', number).getrandbits(48):012x}": "<p>…</p>" * 40 for number in range(count)}
    cache.set_many(pieces, timeout=24 * 3600)
    return {cache.make_key(key) for key in pieces}


def _signed_in(user: User) -> dict[str, str]:
    return {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
