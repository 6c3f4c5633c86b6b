"""Files that nothing names, until all are counted: then each goes or stays by its family."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.collectors.packed_names import PackedNames
from dvornik.model import Reason
from dvornik.references.derivatives import ancestors, candidates, origin
from dvornik.references.families import Families
from dvornik.references.keys import new_keys
from dvornik.references.kinds import kind_of, split
from dvornik.references.paths import path_key

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
        self._going = new_keys()
        """Of what may go by its family: paths, and behind a slash the stems of names."""

    def note(self, batch: Batch, verdicts: dict[str, Reason | None], kinds: Kinds) -> list[str]:
        """Count a directory's files; return those that nothing keeps, of which is to be told later."""
        container, names = batch.container, self._names
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

    def kept_by_word(self, container: str, verdicts: Mapping[str, Reason | None]) -> dict[str, Reason | None]:
        """Say which files stay since the operator said so of their shape."""
        keeps = self._decided.keeps if self._decided.keep else lambda _container, _name: False
        return {name: Reason.EXCLUDED for name, reason in verdicts.items() if not reason and keeps(container, name)}

    def settle(self) -> None:
        """Find out which directories are of one shape, once all were noted, and which files may go by themselves."""
        self._families.settle()
        self._going = new_keys()
        if self._families.are_known():
            return
        for container, names in self._kept.all():
            going = [name for name in names if self._goes_by_family(container, name, self.family(container, name))]
            self._going.add_all([path_key(f"{container}/{name}") for name in going])
            self._going.add_all([b"/" + path_key(split(name)[0]) for name in going])

    def settled(self) -> Iterator[tuple[str, list[str], dict[Family, list[str]]]]:
        """Yield of each directory what may go, and by family what may not since the family is not known."""
        self.settle()
        for container, names in self._kept.all():
            going: list[str] = []
            unfamiliar: dict[Family, list[str]] = {}
            for name in names:
                family = self.family(container, name)
                if self.may_go(container, name, family):
                    going.append(name)
                else:
                    unfamiliar.setdefault(family, []).append(name)
            yield container, going, unfamiliar

    def family(self, container: str, name: str) -> Family:
        """Return the family of a file, once all is settled."""
        return self._families.of(container, name)

    def may_go(self, container: str, name: str, family: Family) -> bool:
        """Tell whether a file that nothing names may go.

        Its family is known, or somebody said that it is debris, or the file that it was made from goes.
        """
        return self._goes_by_family(container, name, family) or self._goes_with_original(container, name, family)

    def _goes_by_family(self, container: str, name: str, family: Family) -> bool:
        return family.is_known or self._is_debris(container, name, family)

    def _goes_with_original(self, container: str, name: str, family: Family) -> bool:
        if not len(self._going) or self._decided.keeps(container, name):
            return False
        made_from = (
            ancestors(self._names, container, name) if candidates(container, [name], self._names.derivatives) else ()
        )
        if any(self._goes(*each) for each in made_from):
            return True
        return self._names.companions.is_made_from(container, name, family.affix, self._goes)

    def _goes(self, container: str, name: str) -> bool:
        """Tell whether a file goes by its family; of a container ``"/"``: whether any goes whose stem is the name."""
        key = path_key(name)
        return (b"/" + key if container == "/" else path_key(f"{container}/") + key) in self._going

    def word_on(self, container: str, name: str, family: Family) -> str:
        """Return what the operator said of a file's family, in the state or in the configuration."""
        if self._decided.keeps(container, name):
            return "keep"
        return "debris" if self._is_debris(container, name, family) else ""

    def _is_debris(self, container: str, name: str, family: Family) -> bool:
        if self._debris and (self._debris.is_excluded(container, name) or self._debris.is_shielded(container)):
            return True
        return bool(self._decided.debris) and self._decided.gives_up(container, name, family)


def _add(kinds: Kinds, kind: str, files: int, known: int) -> None:
    before = kinds.get(kind, (0, 0))
    kinds[kind] = before[0] + files, before[1] + known
