"""What nobody needs any more, with the times that show it, and beside it what only looks like it."""

from datetime import datetime, timedelta
from functools import partial

from journal.models import COVER_SIZES
from journal.population import pictures, words
from journal.population.chance import Chance, token
from journal.population.shelf import Shelf

OLD_TEMP = 15
"""For each unit of scale, as is every other number of old things."""
OLD_LOGS = 3
FRESH_LOGS = 5
LINES_A_LOG = 400
_ORPHANED_FOR = timedelta(days=10)
_TEMP_FOR = timedelta(days=3)
_LOGGED_BEFORE = 45
"""Days."""


def orphans(shelf: Shelf, chance: Chance, now: datetime, scale: int) -> None:
    """Put seven files a unit that no row names: four alone, and an original with two thumbnails."""
    when = now - _ORPHANED_FOR
    for number in range(scale):
        rng = chance.of("orphan", number)
        mark, folder = token(rng), f"{when:%Y/%m}"
        for name in (f"uploads/{folder}/старый снимок {mark}.jpg", f"uploads/{folder}/draft-{mark}.png"):
            shelf.put(name, partial(pictures.scene, chance.of(name), name), when)
        shelf.put(f"documents/{when:%Y}/смета отменена {mark}.pdf", partial(pictures.sheet, chance.of(mark)), when)
        shelf.put(f"recordings/{mark}.wav", partial(pictures.recording, chance.of(mark)), when)
        cover = f"covers/{folder}/replaced-{mark}.jpg"
        shelf.put_picture(cover, partial(pictures.scene, chance.of(cover), cover), when, COVER_SIZES)


def abandoned_uploads(shelf: Shelf, chance: Chance, now: datetime, scale: int) -> None:
    """Put temporary files of days ago: whole uploads, exports, and chunked uploads that never ended."""
    shapes = ["tmp{}.upload.jpg", "exports/export-{}.csv", "uploads/{}/blob", "uploads/{}.part0001", "thumbs/{}.tmp"]
    for number in range(OLD_TEMP * scale):
        rng = chance.of("temp", number)
        name = shapes[number % len(shapes)].format(token(rng))
        shelf.put(name, partial(rng.randbytes, rng.randint(2_000, 60_000)), now - _TEMP_FOR)


def uploads_in_progress(shelf: Shelf, chance: Chance, now: datetime) -> None:
    """Put temporary files of minutes ago, and a chunked upload whose first part is days old and whose second is not."""
    rng = chance.of("upload")
    mark, recently = token(rng), now - timedelta(minutes=5)
    content = partial(rng.randbytes, 20_000)
    shelf.put(f"uploads/open-{mark}.part0001", content, now - _TEMP_FOR)
    names = [f"uploads/open-{mark}.part0002", f"tmp{mark}.upload.png", f"uploads/{mark}/blob", f"thumbs/{mark}.tmp"]
    for name in [*names, f"exports/export-{mark}.csv"]:
        shelf.put(name, content, recently)


def old_logs(shelf: Shelf, chance: Chance, now: datetime, scale: int) -> None:
    """Put rotated logs of weeks ago."""
    for day in range(_LOGGED_BEFORE, _LOGGED_BEFORE + OLD_LOGS * scale):
        _log(shelf, chance, now - timedelta(days=day))


def fresh_logs(shelf: Shelf, chance: Chance, now: datetime) -> None:
    """Put today's log and the rotated ones of the last days."""
    for day in range(1, FRESH_LOGS + 1):
        _log(shelf, chance, now - timedelta(days=day))
    shelf.put("app.log", partial(_lines, chance, now - timedelta(minutes=20)), now)


def _log(shelf: Shelf, chance: Chance, day: datetime) -> None:
    shelf.put(f"app.log.{day:%Y-%m-%d}", partial(_lines, chance, day), day)


def _lines(chance: Chance, until: datetime) -> bytes:
    rng = chance.of("log", until.date())
    moment = until - timedelta(seconds=60 * LINES_A_LOG)
    lines = []
    for _ in range(LINES_A_LOG):
        moment += timedelta(milliseconds=rng.randint(500, 60_000))
        page = f"/articles/{rng.choice(words.TOPICS)[0]}-{token(rng)}/"
        status = rng.choices([200, 304, 404], [90, 6, 4])[0]
        level = "WARNING" if status == 404 else "INFO"  # noqa: PLR2004 - as Django's server does
        stamp = f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03}"
        lines.append(f'{stamp} {level:<7} django.server "GET {page} HTTP/1.1" {status} {rng.randint(3000, 9000)}\n')
    return "".join(lines).encode()
