"""The JSON Schema of a ``dvornik.toml``, from the settings' own types: an editor completes and checks by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from dvornik.config.overrides import table_type
from dvornik.config.sections import Config
from dvornik.quantities import Duration, Size, written

if TYPE_CHECKING:
    from collections.abc import Mapping

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FILE: Final = "dvornik.schema.json"
"""The name under which an editor's file is kept beside ``dvornik.toml``."""
_NUMBER: Final = r"\d+(\.\d+)?"
_TERM: Final = _NUMBER + r"\s*[A-Za-z]+"
_QUANTITIES: Final[Mapping[type, dict[str, Any]]] = {
    Duration: {"pattern": rf"^\s*(0|{_TERM}(\s*,?\s*{_TERM})*)\s*$", "examples": ["24h", "30d"]},
    Size: {"pattern": rf"^\s*(0|{_NUMBER}\s*([kKMGTPE]i?)?(B|Byte))\s*$", "examples": ["500 MB", "1.5 GiB"]},
}  # fmt: skip


def schema() -> dict[str, Any]:
    """Return it. Unknown keys are errors in it, as they are in the program; paths and addresses it cannot judge."""
    sections = {item.name: _section(item.type) for item in msgspec.structs.fields(Config)}
    return {"$schema": DIALECT, "title": "dvornik.toml", **_table(sections)}


def _section(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a section's type, or a dict of such
    named = table_type(kind)
    if named is None:
        return _struct(kind)
    return {"type": "object", "description": _purpose(named), "additionalProperties": _struct(named)}


def _struct(kind: type[msgspec.Struct]) -> dict[str, Any]:
    fields = msgspec.structs.fields(kind)
    needed = [item.name for item in fields if item.required]
    table = _table({item.name: _setting(item) for item in fields})
    return {**table, "description": _purpose(kind), **({"required": needed} if needed else {})}


def _table(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _setting(item: msgspec.structs.FieldInfo) -> dict[str, Any]:
    said = msgspec.json.schema(item.type, schema_hook=_quantity)
    if item.required:
        return said
    default = item.default if item.default is not msgspec.NODEFAULT else item.default_factory()
    # TOML has no null: a setting whose default is none is left out.
    return said if default is None else {**said, "default": _plain(default)}


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a setting may be
    return written(value) if isinstance(value, (Duration, Size)) else value


def _quantity(kind: type) -> dict[str, Any]:
    return {"anyOf": [{"type": "string", **_QUANTITIES[kind]}, {"const": 0}]}


def _purpose(kind: type[msgspec.Struct]) -> str:
    return (kind.__doc__ or "").partition("\n")[0].replace("``", "")
