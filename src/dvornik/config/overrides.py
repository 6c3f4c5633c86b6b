"""Environment variables as settings: ``DVORNIK_TEMP_OLDER_THAN=48h`` is ``older_than`` of ``[temp]``."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any, get_args, get_origin

import msgspec

from dvornik.config.sections import Config
from dvornik.languages import _

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "DVORNIK_"
_RESERVED = ("CONFIG", "LANG", "DEBUG")
_RESERVED_PREFIXES = ("TEST_", "SITE_", "NO_")
_INJECTED = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?)")
"""What Kubernetes sets in every container for a service called ``dvornik-metrics``."""


class Override(msgspec.Struct, frozen=True):
    """One variable that sets the key at ``path`` (section, perhaps a name, key)."""

    variable: str
    path: tuple[str, ...]
    text: str


class Stray(msgspec.Struct, frozen=True):
    """A variable that looks like a setting but is none."""

    variable: str
    hint: str


def overrides(env: Mapping[str, str]) -> tuple[list[Override], list[Stray]]:
    """Sort the environment's variables into settings and mistakes.

    Empty ones count as unset (compose files pass them so), and so do those whose first word is no section's name,
    unless it nearly is: orchestrators inject variables such as ``DVORNIK_SERVICE_HOST``.
    """
    found: list[Override] = []
    stray: list[Stray] = []
    for variable in sorted(env):
        word = variable.removeprefix(PREFIX)
        if word == variable or not env[variable] or word in _RESERVED or word.startswith(_RESERVED_PREFIXES):
            continue
        path = _path(word.lower())
        if path is not None:
            found.append(Override(variable, path, env[variable]))
        elif not _INJECTED.fullmatch(word) and (hint := _nearest(word)):
            stray.append(Stray(variable, hint))
    return found, stray


def value(text: str, *, wants_text: bool, wants_list: bool) -> Any:  # noqa: ANN401 - whatever TOML can hold
    """Read ``text`` as a TOML value, or as it stands where text is wanted or TOML says nothing."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        parsed = {}
    result = parsed["value"] if set(parsed) == {"value"} else text
    if wants_text and not isinstance(result, str):
        result = text
    return [result] if wants_list and isinstance(result, str) else result


def table_type(section: type[msgspec.Struct] | Any) -> type[msgspec.Struct] | None:  # noqa: ANN401 - a field's type
    """Return the struct of a section whose tables have names of their own (``[media.NAME]``), else ``None``."""
    return get_args(section)[1] if get_origin(section) is dict else None


def _path(word: str) -> tuple[str, ...] | None:
    section, mark, rest = word.partition("_")
    known = {item.name: item.type for item in msgspec.structs.fields(Config)}
    if not mark or section not in known:
        return None
    named = table_type(known[section])
    keys = msgspec.structs.fields(named or known[section])
    for item in keys:
        if named is None and rest == item.name:
            return (section, rest)
        if named is not None and rest.endswith(f"_{item.name}"):
            return (section, rest.removesuffix(f"_{item.name}"), item.name)
    return None


def _nearest(word: str) -> str:
    section = word.lower().partition("_")[0]
    if section == word.lower() or not difflib.get_close_matches(section, Config.__struct_fields__, 1, 0.7):
        return ""
    near = difflib.get_close_matches(word, _variables(), 1, 0.6)
    if not near:
        return _("Unset it, or see the settings in the documentation.")
    return _("Did you mean {name}?").format(name=PREFIX + near[0])


def _variables() -> list[str]:
    return [
        f"{section.name}_{item.name}".upper()
        for section in msgspec.structs.fields(Config)
        if table_type(section.type) is None
        for item in msgspec.structs.fields(section.type)
    ]
