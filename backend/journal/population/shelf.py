"""Files written once, each with the time at which it is said to have come."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.core.files.storage import FileSystemStorage

from journal.thumbnails import Size, make_thumbnails


class Shelf:
    """A directory, and the names that were put there. What is there already stays as it is, times included."""

    def __init__(self, root: Path, names: set[str]) -> None:
        """Write below ``root`` and note every name in ``names``."""
        self._root = root
        self._names = names
        self._storage = FileSystemStorage(root)

    def put(self, name: str, make: Callable[[], bytes], when: datetime) -> str:
        """Write what ``make`` returns as ``name``, last changed at ``when``; return the name."""
        path = self._root / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make())
            _date(path, when)
        self._names.add(name)
        return name

    def put_picture(self, name: str, make: Callable[[], bytes], when: datetime, sizes: tuple[Size, ...]) -> str:
        """Put a picture and its thumbnails; return the picture's name."""
        is_new = not (self._root / name).exists()
        self.put(name, make, when)
        thumbnails = make_thumbnails(self._storage, name, sizes)
        self._names.update(thumbnails)
        for thumbnail in thumbnails if is_new else ():
            _date(self._root / thumbnail, when)
        return name


def _date(path: Path, when: datetime) -> None:
    os.utime(path, (when.timestamp(), when.timestamp()))
