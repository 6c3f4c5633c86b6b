"""How values that stream out of a database are grouped: enough for speed, never more than memory allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dvornik.contracts.database import Row

CELLS = 4096
BYTES = 1 << 20
KEPT_ROWS, KEPT_BYTES = 10_000, 16 << 20
"""Rows that are kept (or put back) at once: bytes of their text."""


def batches(cells: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Group cells by number and by size; a single larger cell makes a batch of its own."""
    batch: list[bytes] = []
    size = 0
    for cell in cells:
        batch.append(cell)
        size += len(cell)
        if size >= BYTES or len(batch) >= CELLS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Group rows by number and by size; a single larger row makes a part of its own."""
    part: list[Row] = []
    size = 0
    for row in rows:
        part.append(row)
        size += sum(_length(value) for value in row.values())
        if size >= KEPT_BYTES or len(part) >= KEPT_ROWS:
            yield part
            part, size = [], 0
    if part:
        yield part


def _length(value: object) -> int:
    if isinstance(value, dict):  # bytes, as text
        return sum(map(len, value.values()))
    return len(value) if isinstance(value, str) else 0


def as_text(cell: bytes) -> str:
    """Decode as file names are decoded: bytes that are not UTF-8 survive as surrogates."""
    return cell.decode(errors="surrogateescape")
