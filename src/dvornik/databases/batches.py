"""How values that stream out of a database are grouped: enough for speed, never more than memory allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CELLS = 4096
BYTES = 1 << 20


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


def as_text(cell: bytes) -> str:
    """Decode as file names are decoded: bytes that are not UTF-8 survive as surrogates."""
    return cell.decode(errors="surrogateescape")
