"""Owns how far a deletion reaches by the foreign keys that a database itself follows."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, NamedTuple, TypeVar

Table = TypeVar("Table", bound=Hashable)

FOLLOWING: Final = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})
DELETE: Final = "DELETE"
UPDATE: Final = "UPDATE"


class Key(NamedTuple):
    """A foreign key of ``child`` that refers to ``parent``, each named as its database's module likes."""

    parent: Hashable
    child: Hashable
    on_delete: str
    on_update: str


def reached(table: Table, keys: Iterable[Key]) -> list[tuple[Table, str]]:
    """Return the tables of which rows are deleted or emptied along with those of ``table``, and by which event.

    ``table`` itself comes first. Which columns a key is made of is not looked at: rather one table too many.
    """
    of: dict[Hashable, list[Key]] = {}
    for key in keys:
        of.setdefault(key.parent, []).append(key)
    found: dict[tuple[Hashable, str], None] = {(table, DELETE): None}
    todo: list[tuple[Hashable, str]] = [(table, DELETE)]
    while todo:
        parent, event = todo.pop()
        for key in of.get(parent, ()):
            action = key.on_delete if event == DELETE else key.on_update
            if action in FOLLOWING:
                step = (key.child, DELETE if event == DELETE and action == "CASCADE" else UPDATE)
                todo += [] if step in found else [step]
                found[step] = None
    return list(found)  # type: ignore[arg-type]
