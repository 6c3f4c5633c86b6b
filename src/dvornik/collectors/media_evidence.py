"""Owns the evidence on media files: who names each, or the file that it stays with, a place at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from dvornik.collectors.inventory import Inventory, everything
from dvornik.contracts.collector import Evidence
from dvornik.references.derivatives import ancestors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dvornik.contracts.storage import Storage
    from dvornik.model import Reason
    from dvornik.references.names import Names
    from dvornik.references.referrers import Referrers, Target

    Facts = dict[str, int | float | str]
    Judge = Callable[[str, Names, Sequence[Target]], Mapping[Target, "Verdict"]]


class Verdict(NamedTuple):
    """Why a file stays, as a run would say; ``None``: nothing keeps it."""

    reason: Reason | None
    facts: Facts
    companion: Target | None = None
    """The file in use that it belongs to."""


class Explanation:
    """Looks up the files of one place."""

    def __init__(self, inventory: Inventory, place: str, rule: str, judge: Judge) -> None:
        """Take what may name them; ``judge`` says, once all was searched, why each of some files stays."""
        self._inventory, self._place, self._rule, self._judge = inventory, place, rule, judge
        self._storage: Storage = inventory.places[place].storage

    def of(self, files: Sequence[Target]) -> dict[Target, Evidence]:
        """Return the evidence on each."""
        names = self._listed()
        asked = {file: list(ancestors(names, *file)) for file in files}
        found = self._inventory.referrers(self._place, names, asked)
        names.forget()
        self._inventory.search({self._place: names}, everything)
        verdicts = self._judge(self._place, names, files)
        facts = self._facts(files)
        companions = self._companions([each.companion for each in verdicts.values() if each.companion])
        told = {file: self._evidence(file, asked[file], found, verdicts[file], facts[file]) for file in files}
        for file, verdict in verdicts.items():
            if verdict.companion:
                rows = companions.get(verdict.companion, ())
                name = "/".join(filter(None, verdict.companion))
                told[file] = msgspec.structs.replace(told[file], companion=name, referrers=rows)
        return told

    def _listed(self) -> Names:
        return self._inventory.listed([self._place], everything)[self._place]

    def _companions(self, files: Sequence[Target]) -> Mapping[Target, Sequence[str]]:
        """Return who names the files that others belong to, known only once everything was searched."""
        if not files:
            return {}
        names = self._listed()
        asked = {file: list(ancestors(names, *file)) for file in files}
        rows = self._inventory.referrers(self._place, names, asked).rows
        return {file: next((rows[each] for each in (file, *asked[file]) if each in rows), ()) for file in files}

    def _evidence(
        self, file: Target, origins: Sequence[Target], found: Referrers, verdict: Verdict, facts: Facts
    ) -> Evidence:
        via = next((each for each in (file, *origins) if each in found.rows), file)
        return Evidence(
            "media", self._place, verdict.reason, self._rule, found.rows.get(via, ()), found.looked, found.read,
            found.near.get(file, ()), "" if via == file else "/".join(filter(None, via)), facts=facts | verdict.facts,
        )  # fmt: skip

    def _facts(self, files: Sequence[Target]) -> dict[Target, Facts]:
        """Return size and time of what is there, and the run of what is set aside."""
        facts: dict[Target, Facts] = {}
        for file in files:
            seen = self._storage.examine(file[0], [file[1]])
            facts[file] = {"size": seen.sizes[0], "time": seen.times[0]} if seen.names else {}
        for run, batch in self._storage.quarantined():
            for name in batch.names:
                if (batch.container, name) in facts:
                    facts[batch.container, name]["quarantine"] = run
        return facts
