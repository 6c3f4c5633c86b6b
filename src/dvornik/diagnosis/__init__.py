"""Answers "why is the disk full" and "is this set up right" in figures: what ``df``, ``du`` and ``find`` would tell.

Nothing here changes anything, and every look at a tree has a deadline: what it did not get to is named, not guessed.
"""

from dvornik.diagnosis.files import LARGE, Large, Size, measure
from dvornik.diagnosis.growth import Growth, fastest, weigh
from dvornik.diagnosis.rights import Rights, user
from dvornik.diagnosis.systems import Disk, disk, guards, landlock_lack, memory, tables
from dvornik.diagnosis.trials import Trial, tried

__all__ = [
    "LARGE",
    "Disk",
    "Growth",
    "Large",
    "Rights",
    "Size",
    "Trial",
    "disk",
    "fastest",
    "guards",
    "landlock_lack",
    "measure",
    "memory",
    "tables",
    "tried",
    "user",
    "weigh",
]
