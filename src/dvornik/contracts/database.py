"""What a database promises: to be read as one, to lose expired rows gently, to be measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager  # noqa: TC003 - msgspec reads the annotations
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from dvornik.model import Outcome  # noqa: TC001 - msgspec reads the annotations


class Column(msgspec.Struct, frozen=True):
    """A column that may hold text. ``key`` names the primary key's columns, for evidence."""

    table: str
    name: str
    type: str
    schema: str = ""
    key: Sequence[str] = ()

    @property
    def label(self) -> str:
        """``table.column``, with the schema where there is one."""
        return ".".join(part for part in (self.schema, self.table, self.name) if part)


class Comparison(msgspec.Struct, frozen=True):
    """What a column must hold for a row to go. ``values`` is empty for ``null`` and ``not null``, many for ``in``.

    A cell that is NULL satisfies nothing but ``null``; texts are equal only letter by letter.
    """

    column: str
    operator: str
    values: Sequence[str | int | float | bool] = ()


class ExpiryRule(msgspec.Struct, frozen=True):
    """Rows that go: those of ``table`` whose time column ``column`` lies before now minus ``retention`` seconds."""

    name: str
    database: str
    table: str
    column: str
    retention: int = 0
    where: Sequence[Comparison] = ()
    """All of these must hold too."""
    units: int = 0
    """Of a number, how many make a second; 0: found out."""
    cascade: bool = False
    """Rows of other tables that the database itself deletes or empties with these may go too."""
    rule: str = "sessions/expired"
    archive: str = ""
    """Directory into which rows are written before they go; empty: none."""
    triggers: bool = False
    """Rows may go although the table's own triggers or rules act on it."""
    epoch: int = 0
    """Of a number, the second since 1970 from which it counts."""
    declared: bool = False
    """The operator named table and column: they must be there, and be what they were taken for."""


class Tally(msgspec.Struct, frozen=True):
    """How many rows a table has, how many of them a rule's comparisons hold for, how many of those have a time."""

    rows: int
    compared: int
    timed: int
    """With a time that comes before the year 9999; NULL, zero and infinity never do."""


class Obstacle(StrEnum):
    """Why rows of a table can never go."""

    MISSING = "missing"
    COLUMN = "column"
    VIEW = "view"
    FOREIGN = "foreign"
    DENIED = "denied"
    READ_ONLY = "read-only"


class Reference(msgspec.Struct, frozen=True):
    """A foreign key that refers to a table; ``follows``: its rows are deleted or emptied along by the database."""

    table: str
    columns: Sequence[str]
    targets: Sequence[str]
    follows: bool = False
    schema: str = ""


Row = Mapping[str, object]
"""A row that went, by column, in values that JSON can hold; only the database that wrote it need understand them."""


Keep = Callable[[Sequence[Row]], None]
"""Makes rows durable before the transaction that deletes them ends; raises where it cannot."""


class TableSize(msgspec.Struct, frozen=True):
    """What one table (or a whole database file) takes, and what of it is waste; bytes."""

    table: str
    size: int
    reusable: int
    """Free pages or dead rows: bytes that optimising would make usable or give back."""
    rows: int = 0
    detail: str = ""
    bloat: int = 0
    """Bytes that only a rewrite gives back to the disk, indexes aside."""
    index_bloat: int = 0
    """Bytes that rebuilding the indexes gives back."""


class Concern(msgspec.Struct, frozen=True):
    """Something about a database that only its operator can decide: a ``kind``, where, and the evidence."""

    kind: str
    container: str
    """A table, or empty: the database or server as a whole."""
    name: str
    size: int = 0
    facts: Mapping[str, int | float | str] = {}


class Snapshot(Protocol):
    """A consistent, read-only view of one database. Fails rather than hiding rows."""

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Stream the distinct non-empty values of one column in batches, as text; some may come again."""

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:
        """Stream the non-empty cells of several columns of one table in batches."""

    def rows(self, column: Column) -> Iterator[tuple[str, str | bytes]]:
        """Stream the non-empty cells of one column, each after the key of its row: ``id=5``, ``a=x,b=1``."""


class Readable(Protocol):
    """Whatever may refer to files: a database, a directory of templates."""

    def columns(self) -> Sequence[Column]:
        """Return every column of every table that can hold text, untyped ones too."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Open one consistent read-only view of everything."""


@runtime_checkable
class Lockable(Protocol):
    """A database that can keep its writers out for a moment."""

    def locked(self, columns: Sequence[Column]) -> AbstractContextManager[None]:
        """Let nobody write to the tables of ``columns`` until the block ends.

        Who had written before has committed, or given up, when it begins. It is waited for no longer than seconds, in
        a way that neither lets writers queue up behind nor makes one of them the victim of a deadlock; where that
        fails, or the right to lock is missing, ``UnreachableError``.
        """


@runtime_checkable
class Discloses(Protocol):
    """A database that tells what its rights keep from us."""

    def unreadable(self) -> Sequence[str]:
        """Name the tables of which this user may not see every row."""


class Database(Readable, Protocol):
    """One database: how to read it, to delete expired rows gently, to measure and to optimise it."""

    place: str

    def fingerprint(self) -> str:
        """Return what tells this database from another: identity, not contents."""

    def has(self, table: str, column: str) -> bool:
        """Tell whether that column exists."""

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kind of every column of every table: ``time``, ``number``, ``text``, ``bytes`` or ``other``."""

    def obstacle(self, table: str, column: str) -> Obstacle | None:
        """Say why no row of that table could ever be deleted; changes nothing."""

    def tally(self, rule: ExpiryRule, now: float) -> Tally:
        """Count all rows, those that are compared and those that have a time, whoever refers to them."""

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count rows whose time lies before ``cutoff`` (seconds since the epoch) and to which nothing refers."""

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count rows whose time has passed but that stay, by the table that refers to them."""

    def triggers(self, table: str, *, cascade: bool = False) -> Sequence[str]:
        """Name what the application has the database do when rows of that table are deleted; unsure counts as such.

        With ``cascade`` also where rows of other tables are deleted or emptied along: those are ``table.trigger``.
        """

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Delete what nothing refers to in short statements, kept first; yield the number gone after each.

        ``StuckError`` where rows of a table that is not ``keyed`` were to be kept, before any went.
        """

    def keyed(self, table: str) -> bool:
        """Tell whether no row can stand in that table twice: only then can one be kept and put back."""

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert rows that ``keep`` was given, in one transaction; return how many. Never overwrites."""

    def measure(self) -> Sequence[TableSize]:
        """Measure without changing anything."""

    def optimise(self, table: str, *, thorough: bool) -> Outcome:
        """Optimise one table (SQLite: the file); ``rule``, ``place`` and ``container`` of the outcome are filled in."""
