"""Shows a cleanup on the reference site: fills `backend/`, cleans it, and prints what there is before and after.

It starts the site over, but only one that it made itself: the mark is `backend/.demo`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BACKEND = ROOT / "backend"
MARK = BACKEND / ".demo"
QUARANTINE = ".dvornik-quarantine"
MADE = ("media", "logs", "tmp", ".dvornik", QUARANTINE)
"""Directories that the site and dvornik make in `backend/`, besides the database."""
ELSEWHERE = ("DATABASE_URL", "REDIS_URL", "MEDIA_ROOT", "DJANGO_", "DVORNIK_")
"""Variables, by how they begin, that would take the demo to a site which is not its own."""
RUSSIAN = {
    "before": "до",
    "after": "после",
    "temporary files": "временные файлы",
    "logs": "логи",
    "media": "медиа",
    "quarantine": "карантин",
    "database": "база данных",
    "sessions": "сессии",
    "Fill the site: pages, photos, documents, sessions, logs, and what has been left behind.": (
        "Наполняем сайт: страницы, фотографии, документы, сессии, логи и то, что за ними осталось."
    ),
    "What would go? Nothing is changed yet.": "Что будет удалено? Пока ничего не меняется.",
    "Clean.": "Очищаем.",
    "The media waits in quarantine: undo brings it back. Now try:": (
        "Медиа файлы ждут в карантине: undo вернёт их. Попробуйте дальше:"
    ),
    "backend/ holds a site that the demo did not make; move its db.sqlite3 and media away first.": (
        "В backend/ лежит сайт, который создан не этой демонстрацией; сначала уберите его db.sqlite3 и media."
    ),
    "KB": "КБ",
    "MB": "МБ",
}
SPEAKS_RUSSIAN = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "").startswith("ru")


def _(text: str) -> str:
    return RUSSIAN[text] if SPEAKS_RUSSIAN else text


def say(text: str) -> None:
    """Print a line of the demo's own, apart from what the commands print."""
    print(f"\n— {_(text)}", flush=True)


def environment() -> dict[str, str]:
    """Return the variables for the site's commands: none may point away from `backend/`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    language = os.environ.get("DVORNIK_LANG")
    return kept | ({"DVORNIK_LANG": language} if language else {})


def run(*command: str) -> None:
    """Show a command as one types it in `backend/`, and run it; its failure ends the demo."""
    print(f"$ python {shlex.join(command)}", flush=True)
    failure = subprocess.run([sys.executable, *command], check=False, cwd=BACKEND, env=environment()).returncode
    if failure:
        sys.exit(failure)


def start_over() -> None:
    """Remove the site of the demo before; a site that somebody else made is left alone."""
    if not MARK.exists() and any((BACKEND / name).exists() for name in ("db.sqlite3", "media")):
        sys.exit(_("backend/ holds a site that the demo did not make; move its db.sqlite3 and media away first."))
    MARK.touch()
    for name in MADE:
        shutil.rmtree(BACKEND / name, ignore_errors=True)
    for file in BACKEND.glob("db.sqlite3*"):
        file.unlink()


def on_disk(file: Path) -> int:
    """Return the bytes that a file takes on the disk, or its length where the system does not say."""
    status = file.lstat()
    return getattr(status, "st_blocks", -(-status.st_size // 512)) * 512


def measure(*roots: Path, skip: str = "") -> tuple[int, int]:
    """Count the files below some directories, and the bytes they take on the disk."""
    sizes: list[int] = []
    for root in roots:
        for directory, below, names in os.walk(root):
            below[:] = [name for name in below if name != skip]
            sizes.extend(on_disk(Path(directory, name)) for name in names)
    return len(sizes), sum(sizes)


def sessions() -> int:
    """Count the rows of the session table."""
    with closing(sqlite3.connect(f"{(BACKEND / 'db.sqlite3').as_uri()}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM django_session").fetchone()[0])


def size(count: int) -> str:
    """Spell bytes for a column."""
    mega, kilo = 1024 * 1024, 1024
    text = f"{count / mega:,.1f} {_('MB')}" if count >= mega else f"{count / kilo:,.0f} {_('KB')}"
    return text.replace(",", " ").replace(".", ",") if SPEAKS_RUSSIAN else text


def look() -> dict[str, tuple[int, int]]:
    """Return what the site holds now: a count and bytes for each kind."""
    database = sum(on_disk(file) for file in BACKEND.glob("db.sqlite3*"))
    return {
        "temporary files": measure(BACKEND / "tmp", skip=QUARANTINE),
        "logs": measure(BACKEND / "logs", skip=QUARANTINE),
        "media": measure(BACKEND / "media", skip=QUARANTINE),
        "quarantine": measure(*BACKEND.glob(QUARANTINE), *BACKEND.glob(f"*/{QUARANTINE}")),
        "sessions": (sessions(), 0),
        "database": (1, database),
    }


def show(**looks: dict[str, tuple[int, int]]) -> None:
    """Print looks side by side, a row a kind."""
    print("\n" + " " * 18 + "".join(f"{_(when):>22}" for when in looks))
    for kind in next(iter(looks.values())):
        cells = ((look[kind][0], size(look[kind][1]) if look[kind][1] else "") for look in looks.values())
        print(f"  {_(kind):<16}" + "".join(f"{count:>10,} {text:>11}" for count, text in cells), flush=True)


def main() -> None:
    """Fill, show, try, clean, show."""
    cleanup = "scripts/maintenance/cleanup.py"
    start_over()
    say("Fill the site: pages, photos, documents, sessions, logs, and what has been left behind.")
    run("manage.py", "populate", "--scale", "1")
    before = look()
    show(before=before)
    say("What would go? Nothing is changed yet.")
    run(cleanup, "--dry-run")
    say("Clean.")
    run(cleanup)
    show(before=before, after=look())
    say("The media waits in quarantine: undo brings it back. Now try:")
    print(f"""
cd backend
source {os.path.relpath(sys.prefix, BACKEND)}/bin/activate
python {cleanup} --dry-run
python {cleanup} --health-check
dvornik history
dvornik undo
python manage.py runserver""")


if __name__ == "__main__":
    main()
