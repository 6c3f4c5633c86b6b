"""Settings written out for people: a commented ``dvornik.toml`` and the reference page, from the settings' types."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import msgspec

from dvornik.config import addresses
from dvornik.config.overrides import PREFIX, table_type
from dvornik.config.problems import shown
from dvornik.config.schema import FILE
from dvornik.config.sections import Config
from dvornik.config.values import description
from dvornik.languages import _
from dvornik.quantities import Duration, Size, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dvornik.application import App

_PATHS = {
    ("app", "state"),
    ("app", "python"),
    ("log", "path"),
    ("metrics", "textfile"),
    ("backup", "file"),
    ("temp", "paths"),
    ("logs", "paths"),
    ("references", "paths"),
}


_OFTEN = {
    ("temp", "older_than"),
    ("logs", "older_than"),
    ("policy", "quarantine"),
    ("backup", "command"),
    ("notify", "urls"),
}
"""What most operators decide for themselves: a brief file shows it too."""


def sample(app: App, config: Config, base: Path, *, full: bool = False) -> str:
    """Return a ``dvornik.toml`` for ``base``, commented in the current language: what was found and what was set.

    ``full`` adds every other setting with its default. Loaded from ``base`` it gives the same places. It never holds a
    password: databases and caches that were found are left to be found again, those that were declared get ``${…}`` in
    its place.
    """
    made = _Sample(app, config, base)
    return made.full() if full else made.brief()


def reference() -> str:
    """Return the settings as a page in Markdown."""
    parts = []
    for section in msgspec.structs.fields(Config):
        named = table_type(section.type)
        parts.append(f"## `[{section.name}{'.NAME' if named else ''}]`\n\n{_purpose(named or section.type)}\n")
        parts.append("| key | value | default | meaning |\n|---|---|---|---|")
        parts += [_row(item) for item in msgspec.structs.fields(named or section.type)]
        variable = f"{PREFIX}{section.name}_{'NAME_' if named else ''}KEY".upper()
        parts.append(f"\nIn the environment: `{variable}`.\n")
    return "\n".join(parts)


class _Sample:
    """One file in the making."""

    def __init__(self, app: App, config: Config, base: Path) -> None:
        self._app, self._config, self._base = app, config, base

    def brief(self) -> str:
        """Return what was found and set, and the settings that most operators decide for themselves."""
        rest = "# " + _("All settings: {command}").format(command="dvornik init --full -o -")
        blocks = ["\n".join([*self._completion(), *_head(), rest])]
        for section in msgspec.structs.fields(Config):
            named = table_type(section.type)
            if named is None:
                lines = _brief(section.name, section.type, self._values(section.name), section.name)
            else:
                lines = list(self._found(section.name))
                for key, values in self._named(section.name).items():
                    lines += _brief(section.name, named, values, f"{section.name}.{_key(key)}")
            if lines:
                blocks.append("\n".join(lines))
        return "\n\n".join(blocks) + "\n"

    def full(self) -> str:
        """Return every setting."""
        blocks = ["\n".join([*self._completion(), *_head(), ""])]
        for section in msgspec.structs.fields(Config):
            named = table_type(section.type)
            if named is None:
                blocks.append("\n".join(self._section(section.name, section.type)) + "\n")
            else:
                blocks += ["\n".join(self._tables(section.name, named)) + "\n"]
        return "\n".join(blocks)

    def _completion(self) -> list[str]:
        if (self._base / FILE).is_file():
            return [f"#:schema ./{FILE}"]
        asked = _("An editor completes this file: {command}").format(command=f"dvornik schema config > {FILE}")
        return [f"# {asked}", "# " + _("and put this first:") + f"  #:schema ./{FILE}"]

    def _section(self, name: str, kind: type[msgspec.Struct]) -> Iterator[str]:
        yield f"# {_(_purpose(kind)).replace('``', '')}"
        yield f"[{name}]"
        values = self._values(name)
        for item in msgspec.structs.fields(kind):
            yield from _setting(item, values.get(item.name, _default(item)))

    def _tables(self, name: str, kind: type[msgspec.Struct]) -> Iterator[str]:
        yield f"# {_(_purpose(kind)).replace('``', '')}"
        yield from self._found(name)
        tables = self._named(name)
        for key, values in tables.items():
            yield f"[{name}.{_key(key)}]"
            for item in msgspec.structs.fields(kind):
                yield from _setting(item, values.get(item.name, _default(item)))
        if not tables:
            yield f"# [{name}.NAME]"
            for item in msgspec.structs.fields(kind):
                yield from _setting(item, _default(item))

    def _values(self, name: str) -> dict[str, Any]:
        section = getattr(self._config, name)
        values = {key: getattr(section, key) for key in section.__struct_fields__}
        if name in {"temp", "logs"} and values["paths"] is None:
            values["paths"] = [place.root for place in getattr(self._app, name)] or None
        values = {key: self._relative(value) if (name, key) in _PATHS else value for key, value in values.items()}
        if name == "app":
            values["allow_outside"] = section.allow_outside or any(self._is_outside(root) for root in self._roots())
        return values | self._masked(name, section)

    def _masked(self, name: str, section: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever section it is
        """Return the settings that hold secrets, with variables in their place."""
        if name == "cache":
            return {"url": addresses.masked(section.url, "CACHE_PASSWORD"), "path": self._relative(section.path)}
        if name == "metrics":
            return {"pushgateway": addresses.masked(section.pushgateway, "PUSHGATEWAY_PASSWORD")}
        if name == "telemetry":
            return {"endpoint": addresses.masked(section.endpoint, "TELEMETRY_PASSWORD")}
        if name == "notify":
            return {
                "urls": [f"${{NOTIFY_URL_{number}}}" for number, _url in enumerate(section.urls, 1)],
                "report_to": [f"${{REPORT_URL_{number}}}" for number, _url in enumerate(section.report_to, 1)],
            }
        if name == "ping":
            return {"url": section.url and "${PING_URL}"}
        return {}

    def _named(self, name: str) -> dict[str, dict[str, Any]]:
        declared = {
            key: {field: getattr(table, field) for field in table.__struct_fields__}
            for key, table in getattr(self._config, name).items()
        }
        if name in {"databases", "caches", "sessions"}:
            for key, table in declared.items():
                table["url"] = addresses.masked(table["url"], f"{key.upper()}_PASSWORD")
        if name in {"sessions", "caches"}:
            declared = {key: {**table, "path": self._relative(table["path"])} for key, table in declared.items()}
        if name != "media":
            return declared
        found = {place.name: {"root": place.root, "url": place.url} for place in self._app.media}
        tables = {key: {**found.get(key, {}), **declared.get(key, {})} for key in [*found, *declared]}
        return {key: {**table, "root": self._relative(table["root"])} for key, table in tables.items()}

    def _found(self, name: str) -> Iterator[str]:
        what = {"databases": "database", "sessions": "sessions", "caches": "cache"}.get(name)
        for item in self._app.found:
            if item.what == what and item.how not in {"configuration", "left-alone"}:
                yield f"# [{name}] " + _("Found by itself ({how}): {where}").format(
                    how=item.how, where=_one_line(item.where)
                )

    def _roots(self) -> Iterator[str]:
        for place in (self._app.temp, self._app.logs, self._app.media, self._app.session_files, self._app.cache_files):
            yield from (item.root for item in place)

    def _relative(self, value: Any) -> Any:  # noqa: ANN401 - a path, a list of them, or none
        if isinstance(value, list):
            return [self._relative(item) for item in value]
        path = Path(value or "")
        return path.relative_to(self._base).as_posix() if path.is_relative_to(self._base) else value

    def _is_outside(self, root: str) -> bool:
        return not Path(root).is_relative_to(os.path.realpath(self._base))


def _head() -> list[str]:
    return [
        "# " + _("Configuration of dvornik. What is commented out is the default."),
        "# " + _("Paths count from the directory of this file. Passwords do not belong here:")
        + ' url = "${DATABASE_URL}".',
    ]  # fmt: skip


def _brief(name: str, kind: type[msgspec.Struct], values: Mapping[str, Any], header: str) -> list[str]:
    """Return one table with what differs from the defaults, a line a setting; nothing where there is nothing to say."""
    lines = []
    for item in msgspec.structs.fields(kind):
        value, default = values.get(item.name, _default(item)), _default(item)
        if value != default or (name, item.name) in _OFTEN:
            mark = "# " if value == default else ""
            lines.append(f"{mark}{item.name} = {_toml(value)}  # {_(description(item.type))}")
    return [f"[{header}]", *lines] if lines else []


def _setting(item: msgspec.structs.FieldInfo, value: object) -> Iterator[str]:
    yield f"# {_(description(item.type))}{_choices(item.type)}"
    default = _default(item)
    mark = "# " if value == default else ""
    yield f"{mark}{item.name} = {_toml(_example(item) if value is None else value)}"


def _default(item: msgspec.structs.FieldInfo) -> Any:  # noqa: ANN401 - whatever type the setting has
    if item.default is not msgspec.NODEFAULT:
        return item.default
    return None if item.default_factory is msgspec.NODEFAULT else item.default_factory()


def _example(item: msgspec.structs.FieldInfo) -> object:
    return {"paths": [], "url": "${DATABASE_URL}"}.get(item.name, item.name)


def _toml(value: object) -> str:
    if isinstance(value, (Duration, Size)):
        return shown(written(value))
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, msgspec.Struct):
        said = [(name, getattr(value, name)) for name in value.__struct_fields__]
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in said if item is not None) + "}"
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    is_bare = bool(name) and all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name)
    return name if is_bare else _toml(name)


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _purpose(kind: Any) -> str:  # noqa: ANN401 - a section's type
    said = (kind.__doc__ or "").partition("\n")[0].partition(": ")[2]
    return said[:1].upper() + said[1:]


def _choices(kind: Any) -> str:  # noqa: ANN401 - a field's type
    bare = getattr(kind, "__origin__", kind)
    return f" ({', '.join(shown(choice) for choice in get_args(bare))})" if get_origin(bare) is Literal else ""


def _row(item: msgspec.structs.FieldInfo) -> str:
    default = _default(item)
    kept = "needed" if item.required else "found" if default is None else f"`{_toml(default)}`"
    return f"| `{item.name}` | {_kind(item.type)} | {kept} | {description(item.type)}{_choices(item.type)} |"


def _kind(kind: Any) -> str:  # noqa: ANN401 - a field's type
    bare = getattr(kind, "__origin__", kind) if hasattr(kind, "__metadata__") else kind
    names: Mapping[Any, str] = {
        Duration: "duration",
        Size: "size",
        bool: "true or false",
        int: "number",
        float: "number",
    }
    if bare in names:
        return names[bare]
    if any(isinstance(part, type) and issubclass(part, msgspec.Struct) for part in get_args(bare)):
        return "list of tables"
    return "text" if bare is str or get_origin(bare) is Literal else "list of texts"
