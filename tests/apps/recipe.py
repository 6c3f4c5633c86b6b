"""What is told of an application: how it is made, and what its people do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003 - msgspec reads the annotations

import msgspec

from tests.apps.application import Application  # noqa: TC001 - as above
from tests.apps.browser import Browser  # noqa: TC001 - as above


class Visit(msgspec.Struct, frozen=True):
    """What somebody made."""

    pages: Sequence[str]
    """Addresses of all pages that show something of it."""
    left: Sequence[str] = ()
    """Files below the media directory that the application itself leaves behind and no page shows (glob)."""


class Recipe(msgspec.Struct, frozen=True):
    """An application, how a project of it is made, and what its people do with it."""

    name: str
    """Its pins are `requirements/apps/NAME.txt`."""
    wsgi: str
    make: Callable[[Application], None]
    """Make a project with an empty database and an administrator."""
    fill: Callable[[Browser], Visit]
    """Make content through its own pages."""
    orphans: Sequence[str]
    """Files of the shapes that it writes, to be planted where nothing refers to them."""
    held: Sequence[str] = ()
    """The same, of shapes that no row is known to name: these stay."""
    shown: str = "/media/"
    """Under which addresses its pages show files: the beginning of a path, as a regular expression."""
