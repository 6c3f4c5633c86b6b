"""Where the site keeps what it makes: database, media, logs and uploads in progress, all below one directory."""

import os
from pathlib import Path

BACKEND = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DVORNIK_SITE_DATA") or BACKEND).resolve()
MEDIA = DATA / "media"
LOGS = DATA / "logs"
UPLOADS_IN_PROGRESS = DATA / "tmp"


def make_places() -> None:
    """Make the directories.

    The settings do not: whoever only reads them, as a cleaner's dry run does, must not change the disk.
    """
    for place in (MEDIA, LOGS, UPLOADS_IN_PROGRESS):
        place.mkdir(parents=True, exist_ok=True)
