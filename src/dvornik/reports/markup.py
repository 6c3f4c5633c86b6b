"""Elements of HTML and SVG, built so that text can never become markup: whatever is not markup already is escaped."""

from __future__ import annotations

from html import escape
from typing import Final

_VOID: Final = frozenset({"meta", "br"})


class Markup(str):
    """Text that is markup; made by ``element`` and by this module's callers out of constants alone."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: object) -> Markup:
    """Return an element; ``None`` leaves an attribute out, ``_`` at an attribute's end or inside stands for ``-``.

    ``class_`` is ``class``; ``stroke_width`` is ``stroke-width``.
    """
    said = "".join(
        f' {_attribute(key)}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{join(*children)}</{name}>")


def join(*children: str) -> Markup:
    """Put children beside each other, each escaped unless it is markup."""
    return Markup("".join(child if isinstance(child, Markup) else escape(child) for child in children))


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
