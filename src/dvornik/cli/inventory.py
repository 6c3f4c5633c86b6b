"""Gathers what media there is and what may refer to it; only who asks for media pays for these imports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.apps.places import unique
from dvornik.collectors.inventory import Inventory, Source
from dvornik.references.derivatives import Pattern
from dvornik.references.files import Files
from dvornik.storages import quarantine

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard


def gather(yard: Yard) -> Inventory:
    """Gather the media and everything that may refer to it."""
    places = {
        place.name: Source(
            yard.storage(place.name, place.root),
            place.root,
            place.url,
            place.exact,
            place.defaults,
            yard.config.media[place.name].exclude if place.name in yard.config.media else (),
            _derivatives(yard, place.name),
            place.named,
        )
        for place in yard.app.media
    }
    exclude = {name: section.exclude for name, section in yard.config.databases.items()}
    return Inventory(places, yard.databases, texts=_texts(yard), exclude=exclude)


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
