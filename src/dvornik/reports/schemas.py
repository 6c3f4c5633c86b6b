"""The JSON Schemas of what programs read of us, each from the types that write it."""

from __future__ import annotations

from inspect import cleandoc
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dvornik import plans
from dvornik.config.schema import DIALECT, FILE, schema
from dvornik.reports.document import Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def report() -> dict[str, Any]:
    """Return the schema of what ``--json`` and ``dvornik report --format json`` print."""
    return {"$schema": DIALECT, "title": "dvornik --json", **_cleaned(msgspec.json.schema(Report))}


def plan() -> dict[str, Any]:
    """Return the schema of one line of a plan: its ``line`` says what it is."""
    kinds = plans.KINDS
    references, definitions = msgspec.json.schema_components(kinds.values(), ref_template="#/$defs/{name}")
    lines = [
        {"properties": {"line": {"const": name}}, "required": ["line"], **reference}
        for name, reference in zip(kinds, references, strict=True)
    ]
    return {"$schema": DIALECT, "title": "a line of a dvornik plan", "oneOf": lines, "$defs": _cleaned(definitions)}


def _cleaned(found: dict[str, Any]) -> dict[str, Any]:
    """Take the source's indentation out of descriptions, as Python does by itself from 3.13 on."""
    for name, part in found.items():
        if isinstance(part, dict):
            _cleaned(part)
        elif name == "description":
            found[name] = cleandoc(part)
    return found


SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {"config": schema, "plan": plan, "report": report}
FILES: Final[Mapping[str, str]] = {
    "config": FILE,
    "plan": "plan.schema.json",
    "report": "report.schema.json",
}
"""Where each is published below ``docs/schema``."""
