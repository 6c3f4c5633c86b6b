"""Owns the settings by which databases are optimised: from where on it pays, and what nobody may notice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

import msgspec
from msgspec import Meta

from dvornik.quantities import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from dvornik.contracts.database import Concern
    from dvornik.model import Outcome

STEPWISE = "stepwise"
"""Detail of a file that gives its free pages back some at a time: it needs no rewrite."""
Share = Annotated[float, Meta(ge=0, le=1)]


class Upkeep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[database]``: when optimising pays, and what it may cost the application."""

    dead_bytes: Annotated[Size, Meta(description="Vacuum a table from this many bytes of dead or free rows,")] = Size(
        "1 MB"
    )
    dead_share: Annotated[Share, Meta(description="and from this share of it.")] = 0.1
    min_bloat: Annotated[Size, Meta(description="Rebuild or rewrite (--aggressive) from this many bytes returned,")] = (
        Size("8 MB")
    )
    min_share: Annotated[Share, Meta(description="and from this share of the table or file.")] = 0.25
    max_lock: Annotated[
        Duration,
        Meta(description="A rewrite may lock a table or file this long: what would take longer is left and told of."),
    ] = Duration("1s")
    max_lock_in_window: Annotated[
        Duration,
        Meta(
            description="The same of --aggressive where a maintenance window is set: longer, and VACUUM FULL locks "
            "large tables in it."
        ),
    ] = Duration("1s")
    max_transaction: Annotated[
        Duration, Meta(description="Tell of a transaction open for longer: nothing newer than it can be vacuumed.")
    ] = Duration("1h")
    free: Annotated[
        Size,
        Meta(description="Free bytes on the disk of a database server elsewhere, which cannot be seen; 0: unknown."),
    ] = Size("0")
    max_wal: Annotated[
        Size, Meta(description="Tell of an inactive replication slot that keeps more, and of a log larger by as much.")
    ] = Size("1 GB")
    max_age: Annotated[
        Share, Meta(description="Tell of transaction ids older than this share of autovacuum_freeze_max_age.")
    ] = 0.9
    unused_after: Annotated[
        Duration, Meta(description="Tell of an index that was not used while statistics were kept for this long.")
    ] = Duration("30d")
    repack: Annotated[
        bool, Meta(description="Rewrite by pg_repack where client and extension are installed: nobody waits for it.")
    ] = True


@runtime_checkable
class Rewritable(Protocol):
    """A database whose tables can be rewritten one by one, and which can tell what troubles it."""

    tell: Callable[[str, int, int], None] | None
    """Hears, from another thread, how many blocks of a table a long step has done, and of how many."""

    def concerns(self, upkeep: Upkeep) -> Sequence[Concern]:
        """Return what only the operator can decide. Changes nothing."""

    def room(self) -> int | None:
        """Return the free bytes of the disk that the tables are on; ``None`` where that cannot be seen from here."""

    def beside_users(self, tables: Sequence[str], *, repack: bool) -> Collection[str]:
        """Return those of the tables that a rewrite locks for no more than a moment."""

    def rewrite(self, table: str, *, seconds: float, room: int, repack: bool) -> Outcome:
        """Write one table and its indexes anew; where that locks it, give up, with nothing changed, after ``seconds``.

        ``room`` is what the operator says is free on the disk, for where that cannot be seen; bytes.
        """
