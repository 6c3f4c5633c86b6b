"""Media by families, for people: what each looks like, how much of it is named, and what waits for a word."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dvornik.collectors.unnamed import Unnamed
    from dvornik.contracts.storage import Batch
    from dvornik.model import Reason

_MEMBERS = 1000
"""Members of one shape that are named."""


class Described(msgspec.Struct):
    """One family. ``size`` is bytes on the disk; ``held`` of the unnamed are those that wait for a word."""

    place: str
    shape: str
    files: int = 0
    size: int = 0
    named: int = 0
    unnamed: int = 0
    held: int = 0
    example: str = ""
    word: str = ""
    """What was said of it: ``keep``, ``debris``, or nothing."""
    members: Sequence[str] = ()
    """Paths of some, where one shape was asked for."""


def described(
    place: str, judged: Iterable[tuple[Batch, Mapping[str, Reason | None]]], unnamed: Unnamed, only: str
) -> Iterator[Described]:
    """Yield the families of one place, or the one whose shape is ``only``; ``judged`` has sizes."""
    found: dict[str, Described] = {}
    for batch, verdicts in judged:
        for name, size in zip(batch.names, batch.sizes, strict=True):
            family = unnamed.family(batch.container, name)
            if only not in {"", family.shape}:
                continue
            path = f"{batch.container}/{name}".lstrip("/")
            one = found.setdefault(family.shape, Described(place, family.shape, example=path))
            one.files += 1
            one.size += size
            one.named += name not in verdicts
            one.unnamed += name in verdicts
            one.held += name in verdicts and not verdicts[name] and not unnamed.may_go(batch.container, name, family)
            one.word = one.word or unnamed.word_on(batch.container, name, family)
            if only and len(one.members) < _MEMBERS:
                one.members = [*one.members, path]
    yield from found.values()
