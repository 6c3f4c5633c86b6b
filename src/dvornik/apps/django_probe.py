"""What a Django project's own settings and models say, as one JSON object: run by the project's Python, alone.

Imports nothing of dvornik, since the project's environment need not hold it. What the project prints goes to standard
error; the JSON alone goes to standard output. Passwords pass through that pipe and nowhere else. Opens no log file,
connects to nothing, writes nothing.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import sys
import sysconfig
import traceback
from typing import Any

_OPTIONS = (
    "sslmode",
    "sslcert",
    "sslkey",
    "sslrootcert",
    "options",
    "service",
    "passfile",
    "unix_socket",
    "read_default_file",
    "read_default_group",
    "ssl_mode",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "ssl_disabled",
    "ssl_verify_cert",
    "ssl_verify_identity",
)
_MARK = "dvornikprobe"


def main() -> int:
    """Print what was learnt, or ``{"error": …}``; the exit status is always 0 then."""
    out = os.dup(1)
    os.dup2(2, 1)
    own = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - as plain as sys.path
    # This script's own directory holds a django.py.
    sys.path[:] = [os.getcwd(), *(path for path in sys.path if os.path.abspath(path) != own)]  # noqa: PTH100, PTH109
    try:
        answer = _learn()
    except BaseException as error:  # noqa: BLE001 - a project may fail in any way, SystemExit included
        answer = _failure(error)
    with os.fdopen(out, "w", encoding="utf-8") as stream:
        json.dump(answer, stream, default=str)
    return 0


def _failure(error: BaseException) -> dict[str, Any]:
    """Return what the project fails by: the error, where, the variable or the module that is missing."""
    frames = [
        (frame.f_code.co_filename, number) for frame, number in traceback.walk_tb(error.__traceback__) if frame.f_code
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno or 0))
    own = _own_frames(frames)
    return {
        "error": type(error).__name__,
        "message": str(error)[:2000],
        "file": own[-1][0] if own else "",
        "line": own[-1][1] if own else 0,
        "variable": _missing_variable(error, own),
        "module": (error.name or "") if isinstance(error, ModuleNotFoundError) else "",
    }


def _own_frames(frames: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the frames of the project's own code; where there are none, those of what it uses."""
    here, library = os.getcwd() + os.sep, sysconfig.get_paths()["stdlib"] + os.sep  # noqa: PTH109 - as plain as the paths
    real = [each for each in frames if os.path.isabs(each[0]) and each[0] != os.path.abspath(__file__)]  # noqa: PTH100, PTH117 - as above
    packages = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
    outside = [each for each in real if not any(part in each[0] for part in packages)]
    own = [each for each in outside if each[0].startswith(here)]
    return own or [each for each in outside if not each[0].startswith(library)]


def _missing_variable(error: BaseException, own: list[tuple[str, int]]) -> str:
    """Return the variable that was looked for in the environment, and not found."""
    chain: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and each not in chain:
        chain.append(each)
        each = each.__cause__ or each.__context__
    for one in chain:
        last = [frame for frame, _number in traceback.walk_tb(one.__traceback__)][-1:]
        if isinstance(one, KeyError) and last and last[0].f_locals.get("self") is os.environ:
            return str(one.args[0])
    # A library that asks in another way names the variable in its sentence, as the settings do in their line.
    lines = [linecache.getline(name, number) for name, number in own]
    asked = {word for line in lines for word in re.findall(r"""["']([A-Z][A-Z0-9_]{2,})["']""", line)}
    said = set(re.findall(r"\w+", str(error)))
    return next(iter(sorted((asked & said) - os.environ.keys())), "")


def _learn() -> dict[str, Any]:
    import django  # noqa: PLC0415 - a missing Django is an answer
    from django.conf import settings  # noqa: PLC0415 - as above

    # Configuring the logs would open, and so create or rotate, the project's log files.
    logging = settings.LOGGING
    settings.LOGGING_CONFIG = None
    django.setup()
    storages = _Storages()
    storages.add_configured()
    fields = _fields(storages)
    return {
        "databases": _databases(),
        "fields": fields,
        "storages": storages.found,
        "foreign": sorted(storages.foreign),
        "static_root": _path(settings.STATIC_ROOT),
        "static_dirs": [
            _path(each[1] if isinstance(each, tuple | list) else each) for each in settings.STATICFILES_DIRS
        ],
        "sessions": _sessions(),
        "caches": _caches(),
        **_other_caches(),
        "logs": _logs(logging),
        "upload_temp": _path(settings.FILE_UPLOAD_TEMP_DIR),
        "templates": _templates(),
        "named": sorted({*_named_by_settings(), *_named_by_fields()}),
        "version": django.get_version(),
    }


def _path(value: Any) -> str:  # noqa: ANN401 - a text, a Path or None
    return os.path.abspath(os.fspath(value)) if value else ""  # noqa: PTH100 - must not resolve symlinks


def _templates() -> list[str]:
    """Return the directories of the project's own templates: those of libraries name no file of its media."""
    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.template.utils import get_app_template_dirs  # noqa: PLC0415 - as above

    found = {_path(each) for options in settings.TEMPLATES for each in options.get("DIRS") or ()}
    for name in ("templates", "jinja2"):
        below = os.getcwd() + os.sep  # noqa: PTH109 - as plain as the paths
        found.update(path for path in map(_path, get_app_template_dirs(name)) if path.startswith(below))
    return sorted(path for path in found if "site-packages" not in path and _holds_files(path))


def _holds_files(path: str) -> bool:
    return any(step[2] for step in os.walk(path))


class _Storages:
    """Every storage that a file field or the settings name."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self.foreign: set[str] = set()

    def add(self, storage: Any, name: str) -> str:  # noqa: ANN401 - any storage class
        """Return the location of a storage on this disk, ``""`` for any other."""
        from django.core.files.storage import FileSystemStorage  # noqa: PLC0415 - after setup

        if not isinstance(storage, FileSystemStorage):
            kind = storage.__class__
            self.foreign.add(f"{kind.__module__}.{kind.__qualname__}")
            return ""
        location = _path(storage.location) if storage.base_location else ""
        if location and all(other["location"] != location for other in self.found):
            url = storage.base_url if isinstance(storage.base_url, str) else ""
            self.found.append({"name": name, "location": location, "url": url})
        return location

    def add_configured(self) -> None:
        from django.core.files.storage import default_storage  # noqa: PLC0415 - after setup

        self.add(default_storage, "default")
        try:
            from django.core.files.storage import storages  # noqa: PLC0415 - Django 4.2 and later
        except ImportError:
            return
        for alias in getattr(storages, "backends", {}):
            if alias not in {"default", "staticfiles"}:
                self.add(storages[alias], alias)


def _fields(storages: _Storages) -> list[dict[str, Any]]:
    from django.apps import apps  # noqa: PLC0415 - after setup
    from django.db.models import FileField, FilePathField  # noqa: PLC0415 - as above

    found = []
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or model._meta.swapped:  # noqa: SLF001 - Django's documented API
            continue
        for field in model._meta.local_concrete_fields:  # noqa: SLF001 - as above
            # Quotes inside a name are the usual way to say a schema: "reports"."view".
            table = model._meta.db_table.strip('"').replace('"."', ".")  # noqa: SLF001 - as above
            place = {"table": table, "column": field.column, "databases": _aliases(model)}
            if isinstance(field, FilePathField):
                found.append(
                    {**place, "kind": "path", "location": _path(field.path() if callable(field.path) else field.path)}
                )
            elif isinstance(field, FileField):
                upload_to = field.upload_to if isinstance(field.upload_to, (str, os.PathLike)) else None
                location = storages.add(field.storage, model._meta.label_lower)  # noqa: SLF001 - as above
                prefix = None if upload_to is None else os.fspath(upload_to)
                found.append(
                    {**place, "kind": "file", "location": location, "prefix": prefix, "default": _default(field)}
                )
    return found


_FILE = re.compile(r"[^/\\\\]\.[A-Za-z0-9]{1,8}")
_SECRET = re.compile(r"SECRET|PASS|TOKEN|KEY|CREDENTIAL|DATABASES|CACHES|DSN|URL$")
_LONGEST, _DEEPEST = 4096, 5


def _named_by_settings() -> list[str]:
    """Return the project's settings that may be the path of a file, such as a default picture; no secrets."""
    from django.conf import settings  # noqa: PLC0415 - after setup

    names = (name for name in dir(settings) if name.isupper() and not _SECRET.search(name))
    texts = (text for name in names for text in _texts(getattr(settings, name, None)))
    return [text for text in texts if _FILE.fullmatch(text[text.rfind(".") - 1 :])]


def _named_by_fields() -> list[str]:
    """Return the texts that are defaults of fields other than file fields."""
    from django.apps import apps  # noqa: PLC0415 - after setup

    fields = (field for model in apps.get_models() for field in model._meta.local_concrete_fields)  # noqa: SLF001 - Django's documented API
    return [text for field in fields for text in _texts(field.default) if _FILE.search(text)]


def _texts(value: Any, depth: int = 0) -> list[str]:  # noqa: ANN401 - whatever the project set
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        return [text] if isinstance(text, str) and len(text) <= _LONGEST else []
    if depth == _DEEPEST or not isinstance(value, (dict, list, tuple, set, frozenset)):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [text for each in inner for text in _texts(each, depth + 1)]


def _aliases(model: Any) -> list[str]:  # noqa: ANN401 - a model class
    from django.db import router  # noqa: PLC0415 - after setup

    return sorted({router.db_for_read(model), router.db_for_write(model)})


def _default(field: Any) -> str:  # noqa: ANN401 - a model's field
    if not field.has_default():
        return ""
    try:
        return str(field.get_default() or "")
    except Exception:  # noqa: BLE001 - a default may need a request, a row or a network
        return ""


def _databases() -> list[dict[str, Any]]:
    from django.db import connections  # noqa: PLC0415 - after setup

    found = []
    for alias in connections:
        settings = connections.settings[alias] if hasattr(connections, "settings") else connections.databases[alias]
        options = dict(settings.get("OPTIONS") or {})
        if isinstance(options.get("ssl"), dict):  # mysqlclient's and PyMySQL's form
            options.update({f"ssl_{key}": value for key, value in options["ssl"].items()})
        found.append(
            {
                "alias": alias,
                "engine": settings.get("ENGINE", ""),
                **{
                    key: os.fspath(settings.get(key) or "") if key == "NAME" else str(settings.get(key) or "")
                    for key in _KEYS
                },
                "options": {key: str(options[key]) for key in _OPTIONS if options.get(key)},
            }
        )
    return found


_KEYS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")


def _sessions() -> dict[str, Any]:
    from importlib import import_module  # noqa: PLC0415 - after setup

    from django.conf import settings  # noqa: PLC0415 - as above

    answer: dict[str, Any] = {"engine": settings.SESSION_ENGINE, "cache_alias": settings.SESSION_CACHE_ALIAS}
    answer["utc"] = settings.USE_TZ
    if settings.SESSION_ENGINE.endswith(".file"):
        answer["file_path"] = _path(settings.SESSION_FILE_PATH)
        answer.update(lifetime=int(settings.SESSION_COOKIE_AGE), prefix=settings.SESSION_COOKIE_NAME)
    try:
        from django.contrib.sessions.backends.cache import SessionStore as InCache  # noqa: PLC0415 - as above

        store = import_module(settings.SESSION_ENGINE).SessionStore
        answer["in_cache"] = issubclass(store, InCache)
        cache = settings.CACHES[settings.SESSION_CACHE_ALIAS]
        if answer["in_cache"] and "memcache" in cache["BACKEND"].lower():
            places = cache.get("LOCATION") or ""
            answer["servers"] = re.split(r"[,;]", places) if isinstance(places, str) else [str(each) for each in places]
        if answer.get("file_path") and hasattr(store, "get_session_cookie_age"):
            answer["lifetime"] = int(store().get_session_cookie_age())
        if hasattr(store, "get_model_class"):
            model = store.get_model_class()
            field = model._meta.get_field("expire_date")  # noqa: SLF001 - Django's documented API
            answer.update(table=model._meta.db_table, column=field.column, databases=_aliases(model))  # noqa: SLF001
    except Exception as error:  # noqa: BLE001 - sessions may not be installed
        answer["error"] = type(error).__name__
    return answer


def _other_caches() -> dict[str, list[dict[str, str]]]:
    """Return tables, each with the database that Django's routers write it to, and directories of caches."""
    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.core.cache import caches  # noqa: PLC0415 - as above
    from django.core.cache.backends.db import DatabaseCache  # noqa: PLC0415 - as above
    from django.core.cache.backends.filebased import FileBasedCache  # noqa: PLC0415 - as above
    from django.db import router  # noqa: PLC0415 - as above
    from django.utils.module_loading import import_string  # noqa: PLC0415 - as above

    tables, directories = [], []
    for alias in settings.CACHES:
        try:
            if issubclass(import_string(settings.CACHES[alias]["BACKEND"]), FileBasedCache):
                # Not by an object of it, which would make the directory.
                directories.append({"alias": alias, "path": _path(settings.CACHES[alias].get("LOCATION"))})
                continue
            cache = caches[alias]
        except Exception:  # noqa: BLE001, S112 - the backend's library may be missing: it is no database cache of Django's
            continue
        if isinstance(cache, DatabaseCache):
            model = cache.cache_model_class
            tables.append(
                {"alias": alias, "table": model._meta.db_table, "database": router.db_for_write(model)}  # noqa: SLF001 - Django's documented API
            )
    return {"cache_tables": tables, "cache_directories": directories}


def _caches() -> list[dict[str, Any]]:
    from django.conf import settings  # noqa: PLC0415 - after setup
    from django.core.cache import caches  # noqa: PLC0415 - as above

    found = []
    for alias, cache in settings.CACHES.items():
        backend = str(cache.get("BACKEND", ""))
        if "redis" not in backend.lower() and "valkey" not in backend.lower():
            continue
        location = cache.get("LOCATION") or ""
        options = cache.get("OPTIONS") or {}
        try:
            key = str(caches[alias].make_key(_MARK))
        except Exception:  # noqa: BLE001 - the backend's library may be missing; Django's own form then
            key = f"{cache.get('KEY_PREFIX', '')}:{cache.get('VERSION', 1)}:{_MARK}"
        found.append(
            {
                "alias": alias,
                "backend": backend,
                "locations": [str(item) for item in ([location] if isinstance(location, str) else location)],
                "user": str(options.get("USERNAME") or options.get("username") or ""),
                "password": str(options.get("PASSWORD") or options.get("password") or ""),
                "db": str(options.get("DB") or options.get("db") or ""),
                "key": key,
                "mark": _MARK,
            }
        )
    return found


def _logs(logging: Any) -> list[str]:  # noqa: ANN401 - whatever the project set
    handlers = (logging or {}).get("handlers") or {}
    names = [handler.get("filename") for handler in handlers.values() if isinstance(handler, dict)]
    return sorted({_path(name) for name in names if name and isinstance(name, (str, os.PathLike))})


if __name__ == "__main__":
    sys.exit(main())
