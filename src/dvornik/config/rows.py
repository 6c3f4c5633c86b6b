"""What is wrong with a section of rows, beyond what types can say, and the comparisons that it stands for."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from dvornik import presets
from dvornik.config.problems import shown
from dvornik.contracts.database import Comparison
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.config.sections import ComparisonSection, RowsSection

UNITS = {
    "auto": (0, 0),
    "s": (1, 0),
    "ms": (1_000, 0),
    "us": (1_000_000, 0),
    "ns": (1_000_000_000, 0),
    "ticks": (10_000_000, -62_135_596_800),
    "filetime": (10_000_000, -11_644_473_600),
    "webkit": (1_000_000, -11_644_473_600),
    "cocoa": (1, 978_307_200),
}
"""How many make a second, and the second since 1970 from which they count."""
_VALUELESS = frozenset({"null", "not null"})


def comparisons(section: RowsSection) -> list[Comparison]:
    """Return the section's conditions."""
    found = []
    for each in section.where:
        values = each.value if isinstance(each.value, list) else [] if each.value is None else [each.value]
        found.append(Comparison(each.column, each.op, tuple(values)))
    return found


def problems(section: RowsSection) -> Iterator[tuple[str, str, str, str]]:
    """Yield key, value, message and hint of each thing that cannot be meant."""
    yield from _preset(section) if section.preset else _table(section)
    for number, each in enumerate(section.where, 1):
        message = _wrong(each)
        if message:
            hint = _('Write it like {column = "status", op = "in", value = ["done", "failed"]}.')
            yield "where", f"{number}: {each.column} {each.op}", message, hint
    if section.archive and section.cascade:
        hint = _("Rows of other tables would go without being kept: leave out one of the two.")
        yield "cascade", "true", _("it cannot be used with an archive"), hint


def _preset(section: RowsSection) -> Iterator[tuple[str, str, str, str]]:
    if section.preset not in presets.NAMES:
        near = difflib.get_close_matches(section.preset, presets.NAMES, 1)
        known = _("Known here: {names}.").format(names=", ".join(presets.NAMES))
        hint = _("Did you mean {name}?").format(name=near[0]) if near else known
        yield "preset", shown(section.preset), _("no such preset"), hint
        return
    for key in ("table", "column"):
        if getattr(section, key):
            yield key, shown(getattr(section, key)), _("the preset says this already"), _("Leave out one of the two.")
    is_history = not any(preset.expires for preset in presets.PRESETS if preset.name == section.preset)
    if is_history and section.enabled and not section.retention:
        hint = _('Name how long it is kept: retention = "90d".')
        yield "retention", "", _("this setting is needed"), hint


def _table(section: RowsSection) -> Iterator[tuple[str, str, str, str]]:
    for key in ("table", "column"):
        if not getattr(section, key):
            yield key, "", _("this setting is needed"), _("A text is wanted.")


def _wrong(each: ComparisonSection) -> str:
    """Say what is wrong with one condition."""
    if (each.op in _VALUELESS) != (each.value is None):
        return _("this comparison takes no value") if each.op in _VALUELESS else _("this comparison needs a value")
    if (each.op == "in") != isinstance(each.value, list) and each.op not in _VALUELESS:
        return _("a list belongs to in, and to nothing else")
    if each.value == []:
        return _("the list is empty: nothing could ever go")
    texts = each.value if isinstance(each.value, list) else [each.value]
    if any(isinstance(text, str) and "\0" in text for text in texts):
        return _("the value holds a NUL character")
    return ""
