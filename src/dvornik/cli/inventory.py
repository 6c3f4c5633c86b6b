"""Gathers what media there is and what may refer to it; only who asks for media pays for these imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.apps.places import unique
from dvornik.collectors.foreign import is_foreign
from dvornik.collectors.inventory import Inventory, Source
from dvornik.errors import UnreachableError
from dvornik.references.derivatives import Pattern
from dvornik.references.files import Files
from dvornik.references.shapes import decided
from dvornik.state import DEBRIS, KEEP
from dvornik.storages import quarantine

if TYPE_CHECKING:
    from dvornik.application import MediaPlace
    from dvornik.cli.yard import Yard
    from dvornik.state import Decision
    from dvornik.storages.local import LocalStorage


def gather(yard: Yard) -> Inventory:
    """Gather the media and everything that may refer to it."""
    said, unread = _decisions(yard)
    places = {
        place.name: Source(
            _storage(yard, place),
            place.root,
            place.url,
            place.exact,
            place.defaults,
            [*(yard.config.media[place.name].exclude if place.name in yard.config.media else ()), *unread],
            _derivatives(yard, place.name),
            place.named,
            yard.config.media[place.name].debris if place.name in yard.config.media else (),
            decided(
                *(
                    [each.shape for each in said if (each.place, each.word) == (place.name, word)]
                    for word in (KEEP, DEBRIS)
                )
            ),
        )
        for place in yard.app.media
    }
    exclude = {name: section.exclude for name, section in yard.config.databases.items()}
    return Inventory(places, yard.databases, texts=_texts(yard), exclude=exclude)


def _decisions(yard: Yard) -> tuple[list[Decision], list[str]]:
    """Return what was said of families; of a record that cannot be read, globs that keep all: it may say so."""
    try:
        return yard.state.decisions(), []
    except UnreachableError:  # the engine tells it, and leaves media alone
        return [], ["*"]


def _storage(yard: Yard, place: MediaPlace) -> LocalStorage:
    storage = yard.storage(place.name, place.root)
    storage.is_foreign = is_foreign
    return storage


def _texts(yard: Yard) -> dict[str, Files]:
    section = yard.config.references
    paths = list(dict.fromkeys([*section.paths, *yard.app.texts]))
    if not paths:
        return {}
    # Our own record names what was found, and would keep it; the media itself is no text.
    own = [yard.config.app.state, yard.config.log.path]
    media = [place.root for place in yard.app.media]
    files = Files(
        str(yard.loaded.base), paths, patterns=section.patterns, exclude=[*section.exclude, quarantine.NAME],
        skip=[*filter(None, own), *media],
    )  # fmt: skip
    return {unique("files", list(yard.databases)): files}


def _derivatives(yard: Yard, place: str) -> list[Pattern]:
    return [Pattern(text) for text in yard.config.media[place].derivatives] if place in yard.config.media else []
