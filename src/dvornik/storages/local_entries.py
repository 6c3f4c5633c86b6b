"""Owns a directory of sessions or cache entries: a local one, of whose files the first bytes can be read as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dvornik.storages.kernel import reason_of
from dvornik.storages.local import LocalStorage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.model import Reason
    from dvornik.storages.directories import Directory


class LocalEntries(LocalStorage):
    """The entries below one root."""

    def heads(self, container: str, names: Sequence[str], size: int) -> Iterator[bytes | Reason]:
        """Yield the first ``size`` bytes of each file, or why they cannot be read."""
        try:
            directory = self._root.child(container)
        except OSError as error:
            yield from [reason_of(error)] * len(names)
            return
        with directory:
            for name in names:
                yield _head(directory, name, size)


def _head(directory: Directory, name: str, size: int) -> bytes | Reason:
    try:
        descriptor = directory.open_file(name)
        try:
            return os.read(descriptor, size)
        finally:
            os.close(descriptor)
    except OSError as error:
        return reason_of(error)
