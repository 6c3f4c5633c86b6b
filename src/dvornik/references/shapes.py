"""Shapes as people write them: ``photos/{number}/{name}_small.jpg``, and which files have one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.references.families import ANY, SIZE, Affix, affixes, class_of
from dvornik.references.kinds import FORMS, SIZED, kind_of, split

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dvornik.references.families import Family

_FORM: Final = re.compile("|".join(re.escape(each) for each in sorted(FORMS.values(), key=len, reverse=True)))
_LETTERS: Final = {text: letter for letter, text in FORMS.items()}
_OTHERS: Final = "*"


class Shape(NamedTuple):
    """A shape that was read: decided once, it is matched against paths, whatever families there are by then."""

    text: str
    place: tuple[str, ...]
    kind: str
    affix: Affix

    def has(self, container: str, name: str) -> bool:
        """Tell whether a file has this shape."""
        parts = container.split("/") if container else []
        if len(parts) != len(self.place) or any(map(_differ, self.place, parts)):
            return False
        kind = kind_of(name)
        if self.kind not in {kind, kind[0] + _OTHERS}:
            return False
        return self.affix == Affix("", "") or any(self.affix == each for each, _rest in affixes(name, kind))


def _differ(wanted: str, part: str) -> bool:
    return wanted not in {ANY, class_of(part)}


def read(text: str) -> Shape | None:
    """Read a shape; ``None`` of what is none."""
    *place, last = text.split("/")
    found = _FORM.search(last)
    if not found:
        return None
    behind, ending = split(last[found.end() :])
    is_sized = behind.endswith(SIZE)
    behind = behind.removesuffix(SIZE)
    if behind.endswith(_OTHERS):
        behind, ending = behind[:-1], _OTHERS
    kind = _LETTERS[found[0]] + (SIZED if is_sized else "") + ending.lower()
    return Shape(text, tuple(place), kind, Affix(last[: found.start()], behind))


class Decided(NamedTuple):
    """What the operator said of shapes of one place."""

    keep: tuple[Shape, ...] = ()
    debris: tuple[Shape, ...] = ()

    def keeps(self, container: str, name: str) -> bool:
        """Tell whether a file is to stay."""
        return any(shape.has(container, name) for shape in self.keep)

    def gives_up(self, container: str, name: str, family: Family) -> bool:
        """Tell whether a file is debris where nothing names it; what bears an affix is meant by that alone."""
        return any(shape.affix == family.affix and shape.has(container, name) for shape in self.debris)


def decided(keep: Iterable[str], debris: Iterable[str]) -> Decided:
    """Read what was said; what is no shape says nothing."""
    return Decided(tuple(filter(None, map(read, keep))), tuple(filter(None, map(read, debris))))
