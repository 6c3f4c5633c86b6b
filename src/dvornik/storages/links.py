"""Owns what we ourselves did to files with several names: the rest of them is not taken for changed by others.

Claiming, removing or returning one name of a file changes the time of all its names, and opening one breaks our own
lease on another. Such files are therefore taken one after the other, in the whole process, and the version that each
act left is remembered beside the one that the scan saw.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from dvornik.storages.walk import version

if TYPE_CHECKING:
    import os

    from dvornik.storages.grips import Grip

_MOST: Final = 100_000
"""Files remembered: of what is forgotten the other names wait for the next run."""

alone: Final = threading.RLock()
"""Held while a file that has, or had, several names is taken."""
_left: Final[dict[tuple[int, str], str]] = {}
"""By device and the version that was seen: the version that our last act left."""


def is_as_seen(state: os.stat_result, seen: str) -> bool:
    """Tell whether a file is in the version ``seen``, or in what our own acts have made of that."""
    now = version(state)
    if now == seen:
        return True
    with alone:
        return _left.get((state.st_dev, seen)) == now


def is_linked(state: os.stat_result, seen: str) -> bool:
    """Tell whether a file is to be taken alone: it has several names, or had them when it was seen."""
    return state.st_nlink != 1 or version(state) != seen


def remember(held: Grip, seen: str) -> None:
    """Note what our act left of a file that had several names."""
    state = held.now() if held.state.st_nlink > 1 else None
    if state is not None:
        if len(_left) >= _MOST:
            _left.pop(next(iter(_left)))
        _left[state.st_dev, seen] = version(state)
