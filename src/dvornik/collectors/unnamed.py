"""Files that nothing names, until all are counted: then each goes or stays by its family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.collectors.packed_names import PackedNames
from dvornik.model import Reason
from dvornik.references.derivatives import origin
from dvornik.references.families import Families
from dvornik.references.kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dvornik.collectors.names import Names as Patterns
    from dvornik.contracts.storage import Batch
    from dvornik.references.families import Family
    from dvornik.references.names import Kinds, Names
    from dvornik.references.shapes import Decided

_LEFT_OUT = frozenset((Reason.EXCLUDED, Reason.NOT_OWN, Reason.PLACEHOLDER))
"""What stays for these reasons says nothing of its family."""


class Unnamed:
    """One place's. First ``note`` every directory, then ask for what is to be done with the files."""

    def __init__(self, names: Names, decided: Decided, debris: Patterns | None) -> None:
        """Take what was said of shapes, and globs of what is debris where nothing names it."""
        self._names = names
        self._decided = decided
        self._debris = debris
        self._families = Families()
        self._kept = PackedNames()

    def note(self, batch: Batch, verdicts: dict[str, Reason | None], kinds: Kinds) -> list[str]:
        """Count a directory's files; return those that nothing keeps, of which is to be told later."""
        container, names = batch.container, self._names
        if self._decided.keep:
            verdicts |= self._kept_by_word(container, verdicts)
        counted = dict(kinds)
        for name, reason in verdicts.items():
            if reason is Reason.DERIVATIVE:
                made_from = origin(names, container, name)
                if made_from and names.is_known(*made_from):
                    _add(counted, kind_of(name), 0, 1)
            elif reason in _LEFT_OUT and not names.is_known(container, name):
                _add(counted, kind_of(name), -1, 0)
        self._families.add(container, {kind: counts for kind, counts in counted.items() if counts[0] > 0})
        unnamed = [name for name, reason in verdicts.items() if reason is None]
        if unnamed:
            self._kept.add(container, unnamed)
            if len(batch.names) > 1:
                self._families.add_affixes(
                    container, batch.names, unnamed, names.lists_stem, lambda name: names.is_known(container, name)
                )
        return unnamed

    def _kept_by_word(self, container: str, verdicts: Mapping[str, Reason | None]) -> dict[str, Reason | None]:
        keeps = self._decided.keeps
        return {name: Reason.EXCLUDED for name, reason in verdicts.items() if not reason and keeps(container, name)}

    def settled(self) -> Iterator[tuple[str, list[str], dict[Family, list[str]]]]:
        """Yield of each directory what may go, and by family what may not since the family is not known."""
        self._families.settle()
        for container, names in self._kept.all():
            going: list[str] = []
            unfamiliar: dict[Family, list[str]] = {}
            for name in names:
                family = self._families.of(container, name)
                if family.is_known or self._is_debris(container, name, family):
                    going.append(name)
                else:
                    unfamiliar.setdefault(family, []).append(name)
            yield container, going, unfamiliar

    def family(self, container: str, name: str) -> Family:
        """Return the family of a file, once all is settled."""
        return self._families.of(container, name)

    def _is_debris(self, container: str, name: str, family: Family) -> bool:
        if self._debris and (self._debris.is_excluded(container, name) or self._debris.is_shielded(container)):
            return True
        return bool(self._decided.debris) and self._decided.gives_up(container, name, family)


def _add(kinds: Kinds, kind: str, files: int, known: int) -> None:
    before = kinds.get(kind, (0, 0))
    kinds[kind] = before[0] + files, before[1] + known
