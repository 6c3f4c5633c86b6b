"""Raw tables turned into typed sections, key by key, so that every mistake is found and not only the first."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from dvornik.config.overrides import table_type
from dvornik.config.problems import Problem, dotted, shown
from dvornik.config.sections import Config
from dvornik.languages import _
from dvornik.quantities import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Mapping

    Origins = Mapping[tuple[str, ...], str]

T = TypeVar("T", bound=msgspec.Struct)


def convert_section(
    section: type[T], raw: object, path: tuple[str, ...], problems: list[Problem], origins: Origins
) -> T | None:
    """Return ``raw`` as ``section``; ``None`` where it cannot be one, with the reasons added to ``problems``."""
    if not isinstance(raw, dict):
        problems.append(
            Problem(dotted(path), _safe(path, raw), _("a table is wanted here"), _table_hint(path, section))
        )
        return None
    known = {item.name: item for item in msgspec.structs.fields(section)}
    problems += [
        Problem(dotted((*path, name)), "", _("no such setting"), _meant(name, section))
        for name in raw
        if name not in known
    ]
    values = {
        name: _value(item.type, raw[name], (*path, name), problems, origins)
        for name, item in known.items()
        if name in raw
    }
    sound = {name: value for name, value in values.items() if value is not None}
    needed = [item for item in known.values() if item.required]
    problems += [
        Problem(dotted((*path, item.name)), "", _("this setting is needed"), wanted(item.type))
        for item in needed
        if item.name not in raw
    ]
    return section(**sound) if all(item.name in sound for item in needed) else None


def _table_hint(path: tuple[str, ...], section: type[msgspec.Struct]) -> str:
    *above, last = path
    # [media] root = … was meant for one of several: their name is what is missing.
    is_key = last in section.__struct_fields__
    return f"[{dotted([*above, 'NAME'])}] / {last} = …" if is_key else f"[{dotted(path)}] / key = …"


def wants_text(kind: Any) -> bool:  # noqa: ANN401 - a field's type
    """Tell whether a setting of this type is written as text."""
    bare = _bare(kind)
    return bare in {str, Duration, Size} or get_origin(bare) is Literal


def wants_list(kind: Any) -> bool:  # noqa: ANN401 - a field's type
    """Tell whether a setting of this type is a list."""
    bare = _bare(kind)
    return get_origin(bare) is list or any(get_origin(part) is list for part in get_args(bare))


def description(kind: Any) -> str:  # noqa: ANN401 - a field's type
    """Return what the setting says of itself."""
    for meta in reversed(getattr(kind, "__metadata__", ())):
        if meta.description:
            return str(meta.description)
    return ""


def wanted(kind: Any) -> str:  # noqa: ANN401 - a field's type
    """Return, in the current language, what a value of this type looks like."""
    bare = _bare(kind)
    if bare is Duration:
        return _('A length of time with its unit is wanted, such as "90s", "24h" or "30d".')
    if bare is Size:
        return _('A size with its unit is wanted, such as "500 MB" or "1.5 GiB".')
    if get_origin(bare) is Literal:
        choices = ", ".join(shown(choice) for choice in get_args(bare))
        return _("One of these is wanted: {choices}.").format(choices=choices)
    if bare is bool:
        return _("true or false is wanted.")
    if bare in {int, float}:
        return _limits(kind)
    return _listed(bare) if wants_list(kind) else _text(kind)


def _text(kind: Any) -> str:  # noqa: ANN401 - a field's type
    """Say more of a text that has to look like something: what the setting says of itself is what helps."""
    has_shape = any(meta.pattern for meta in getattr(kind, "__metadata__", ()))
    return _("A text is wanted: {what}").format(what=_(description(kind))) if has_shape else _("A text is wanted.")


def _listed(bare: Any) -> str:  # noqa: ANN401 - a field's type
    if any(isinstance(part, type) and issubclass(part, msgspec.Struct) for part in get_args(bare)):
        return _('A list of tables is wanted, such as [{column = "status", op = "=", value = "done"}].')
    return _("A list of texts is wanted.")


def _value(kind: Any, raw: object, path: tuple[str, ...], problems: list[Problem], origins: Origins) -> Any:  # noqa: ANN401 - as convert_section
    named = table_type(kind)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return convert_section(kind, raw, path, problems, origins)
    if named is not None and isinstance(named, type) and issubclass(named, msgspec.Struct):
        return _named(named, raw, path, problems, origins)
    try:
        return msgspec.convert(raw, kind, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError):
        problems.append(
            Problem(origins.get(path, dotted(path)), _safe(path, raw), _("this value cannot be used"), wanted(kind))
        )
        return None


def _named(
    kind: type[T], raw: object, path: tuple[str, ...], problems: list[Problem], origins: Origins
) -> dict[str, T]:
    if not isinstance(raw, dict):
        problems.append(Problem(dotted(path), _safe(path, raw), _("a table is wanted here"), f"[{dotted(path)}.NAME]"))
        return {}
    tables = {name: convert_section(kind, table, (*path, name), problems, origins) for name, table in raw.items()}
    return {name: table for name, table in tables.items() if table is not None}


def _decode(kind: type, raw: object) -> object:
    if kind is Duration and isinstance(raw, (str, int, float)):
        return Duration(raw)
    if kind is Size and isinstance(raw, (str, int)):
        return Size(raw)
    raise ValueError(raw)


def _safe(path: tuple[str, ...], raw: object) -> str:
    """Return the value as it may be shown: an address may hold a password, and so may whatever stands in its place."""
    return "" if path[-1:] == ("url",) or path[0] in _SECRET_SECTIONS else shown(raw)


_SECRET_SECTIONS = {"databases", "cache", "caches", "metrics", "telemetry", "notify", "ping"}


def _meant(name: str, section: type[msgspec.Struct]) -> str:
    if (section.__name__, name) == ("TempSection", "units"):
        return _("Remove it: directories that were made for one job are found by themselves.")
    if near := difflib.get_close_matches(name, section.__struct_fields__, 1):
        return _("Did you mean {name}?").format(name=near[0])
    for item in msgspec.structs.fields(Config):
        inner = table_type(item.type) or item.type
        if inner is not section and name in inner.__struct_fields__:
            return _("Did you mean {name}?").format(name=f"[{item.name}] {name}")
    return _("Known here: {names}.").format(names=", ".join(section.__struct_fields__))


def _limits(kind: Any) -> str:  # noqa: ANN401 - a field's type
    low = next((meta.ge for meta in getattr(kind, "__metadata__", ()) if meta.ge is not None), None)
    high = next((meta.le for meta in getattr(kind, "__metadata__", ()) if meta.le is not None), None)
    number = _("A whole number is wanted") if _bare(kind) is int else _("A number is wanted")
    if high is not None:
        return number + _(", from {low} to {high}.").format(low=low, high=high)
    return number + (_(", {low} or more.").format(low=low) if low is not None else ".")


def _bare(kind: Any) -> Any:  # noqa: ANN401 - a field's type
    return kind.__origin__ if hasattr(kind, "__metadata__") else kind
