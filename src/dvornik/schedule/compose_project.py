"""Reads the compose files of a project as they are written, and finds the service that runs the application."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from dvornik import extras
from dvornik.errors import ConfigurationError
from dvornik.languages import _, of_system
from dvornik.schedule.compose_variables import filled, variables
from dvornik.schedule.dockerfile import Stage, last_stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FILES: Final = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
OVERRIDES: Final = (
    "compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml",
)  # fmt: skip
MARK: Final = "# Written by: dvornik init --docker"
"""The first line of what we write: nothing without it is ever overwritten."""
_DEEPEST: Final = 8
"""Services that extend one another, one after the other."""
_NAMES: Final = frozenset({"app", "api", "backend", "django", "flask", "fastapi", "server", "site", "web"})
_SERVES: Final = re.compile(r"\b(gunicorn|uvicorn|runserver|daphne|hypercorn|uwsgi|waitress|granian|flask run|wsgi)\b")
_WORKS: Final = re.compile(r"\b(celery|rq|rqworker|dramatiq|huey|beat|flower|migrate|collectstatic)\b")
_OTHERS: Final = re.compile(
    r"(^|/)(postgres|postgis|timescale|mysql|mariadb|percona|redis|valkey|memcached|rabbitmq|nginx|traefik|caddy"
    r"|httpd|minio|mailhog|mailpit|elasticsearch|opensearch|node|adminer|pgadmin)"
)
_EXTRAS: Final = {
    "postgresql": re.compile(r"postgres|postgis|timescale|pgvector|psql://"),
    "mysql": re.compile(r"mysql|mariadb|percona"),
    "redis": re.compile(r"redis|valkey|dragonfly|keydb"),
}


_ELSEWHERE: Final = re.compile(
    r"[a-z][a-z0-9+.-]*://|(?:docker-image|oci-layout|service|target):|[\w.-]+@[\w.-]+:|github\.com/|[\w-]+\.[\w.-]+/.*\.git(?:#|$)",
    re.IGNORECASE,
)
"""Contexts that are fetched: not directories of this machine."""


class Service(msgspec.Struct, frozen=True):
    """The service that runs the application, with what its image says of itself."""

    name: str
    raw: Mapping[str, Any]
    context: Path | None
    """The directory that its image is built from; ``None``: it is not built here."""
    dockerfile: Path | None
    stage: Stage
    is_last: bool
    """Whether that stage is the last of its Dockerfile."""
    variables: Mapping[str, str]
    """What compose fills in."""

    @property
    def image(self) -> str:
        """The image that it takes, or gives to what is built; empty: none is named."""
        return self.filled(self.raw.get("image"))

    @property
    def directory(self) -> str:
        """The working directory in the container; empty: whichever the image has."""
        told = self.filled(self.raw.get("working_dir")) or self.stage.directory
        return told if told.startswith("/") else ""

    @property
    def user(self) -> str:
        """Whom compose runs it as; empty: whoever the image names."""
        return self.filled(self.raw.get("user"))

    def filled(self, value: Any) -> str:  # noqa: ANN401 - whatever the file has there
        """Return a value with its variables filled in; empty: there is none."""
        return "" if value is None else filled(str(value), self.variables)


class Project(msgspec.Struct, frozen=True):
    """A project of compose: its files, and their services laid over each other."""

    files: Sequence[Path]
    version: str
    """What the first file gives as its version; the older compose wants every other to give the same."""
    services: Mapping[str, Mapping[str, Any]]

    @property
    def directory(self) -> Path:
        """The directory that relative paths count from."""
        return self.files[0].parent

    def extras(self) -> list[str]:
        """Return dvornik's extras that the services beside the application ask for."""
        said = " ".join(str(raw.get("image", "")) + str(raw.get("environment", "")) for raw in self.services.values())
        return [name for name, pattern in _EXTRAS.items() if pattern.search(said.lower())]

    def service(self, name: str = "") -> Service:
        """Return the service called ``name``, or the one that serves the application; raise where that is open."""
        if name and name not in self.services:
            raise ConfigurationError(
                _("There is no such service."), context=name, hint=_("These are there: {names}").format(
                    names=", ".join(self.services)
                ),
            )  # fmt: skip
        if name:
            return self._chosen(name)
        scores = {each: _score(each, self._built(each)) for each in self.services}
        best = max(scores.values(), default=0)
        likely = [each for each, score in scores.items() if score == best]
        if best <= 0 or len(likely) != 1:
            raise ConfigurationError(
                _("It is not clear which service runs the application."),
                context=str(self.files[0]),
                hint=_("Name it with --service: {names}").format(names=", ".join(self.services)),
            )
        return self._chosen(likely[0])

    def _chosen(self, name: str) -> Service:
        """Return the service, or raise where its image is built of what is not ours to add to."""
        service = self._built(name, is_chosen=True)
        build = service.raw.get("build")
        if not (build or service.raw.get("image")):
            raise _unusable(self.files[0], _("The service {service} has neither image nor build.").format(service=name))
        if isinstance(build, dict) and build.get("dockerfile_inline"):
            raise ConfigurationError(
                _("The image of {service} is built by dockerfile_inline, to which no file can be added.").format(
                    service=name
                ),
                context=str(self.files[0]),
                hint=_("Move that text into a Dockerfile, and name it in its place: dockerfile: Dockerfile"),
            )
        if service.context and not service.context.is_dir():
            raise ConfigurationError(
                _("The directory that the image of {service} is built from is not there.").format(service=name),
                context=str(service.context),
                hint=_("Put build: context right in the compose file."),
            )
        return service

    def _built(self, name: str, *, is_chosen: bool = False) -> Service:
        raw, known = self.services[name], variables(self.directory)
        build = raw.get("build")
        if not build:
            return Service(name, raw, None, None, Stage(), is_last=True, variables=known)
        told = {
            "dockerfile": "Dockerfile",
            "context": ".",
            **(build if isinstance(build, dict) else {"context": build}),
        }
        written = filled(str(told["context"]), known, insists=is_chosen)
        if _ELSEWHERE.match(written) and is_chosen:
            raise ConfigurationError(
                _("The image of {service} is built from a source elsewhere, where no file can be added.").format(
                    service=name
                ),
                context=written,
                hint=_("Clone it beside the compose file, and name that directory in build: context."),
            )
        context = (self.directory / written).resolve()
        dockerfile = context / filled(str(told["dockerfile"]), known, insists=is_chosen)
        try:
            text = str(told.get("dockerfile_inline") or dockerfile.read_text("utf-8"))
        except (OSError, ValueError):
            text = ""
        stage, is_last = last_stage(text, filled(str(told.get("target") or ""), known, insists=is_chosen))
        return Service(name, raw, context, dockerfile, stage, is_last, known)


def read(start: Path, named: Sequence[str] = ()) -> Project:
    """Read the files ``named``, or those that compose finds from ``start`` upwards."""
    files = [Path(each).absolute() for each in named] or _found(start)
    if not files:
        raise ConfigurationError(
            _("There is no compose file here."),
            context=str(start),
            hint=_("Name it: --compose FILE, several times where several are given to compose."),
        )
    services: dict[str, dict[str, Any]] = {}
    documents = [_document(path) for path in files]
    for path, document in zip(files, documents, strict=True):
        for name, raw in _services(document).items():
            services[name] = _over(services.get(name, {}), _extended(raw, path, document))
    if not services:
        raise _unusable(files[0], _("The compose file names no service."))
    return Project(files, str(documents[0].get("version") or ""), services)


def _found(start: Path) -> list[Path]:
    for directory in (start, *start.parents):
        there = [directory / name for name in FILES if (directory / name).is_file()]
        if there:
            others = [directory / name for name in OVERRIDES if (directory / name).is_file()]
            return [there[0], *(each for each in others if not is_written(each))][:2]
        if (directory / ".git").exists():
            break
    return []


def is_written(path: Path) -> bool:
    """Tell whether a file begins as those do that ``dvornik init --docker`` writes."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\n") == MARK
    except (OSError, ValueError):
        return False


def _document(path: Path) -> dict[str, Any]:
    try:
        import yaml  # noqa: PLC0415 - wanted for this alone
    except ImportError:
        raise ConfigurationError(
            _("PyYAML is missing: compose files cannot be read without it."),
            hint=_("Install it beside dvornik: {command}").format(command=extras.command("docker")),
        ) from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Takes compose's own tags, such as ``!reset``, for what stands behind them."""

    def plainly(loader: Any, _suffix: str, node: Any) -> Any:  # noqa: ANN401 - PyYAML's own values
        if node.id == "scalar":
            return loader.construct_scalar(node)
        return (loader.construct_mapping if node.id == "mapping" else loader.construct_sequence)(node, deep=True)

    Loader.add_multi_constructor("!", plainly)
    try:
        found = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise _unusable(path, _("The compose file cannot be read: {error}").format(error=of_system(error))) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = _("The compose file is not valid YAML: line {line}, column {column}.")
        raise _unusable(path, told.format(line=mark.line + 1, column=mark.column + 1)) from None
    except (ValueError, yaml.YAMLError):
        raise _unusable(path, _("The compose file is not valid YAML: a character cannot be read as UTF-8.")) from None
    if found is not None and not isinstance(found, dict):
        raise _unusable(path, _("The compose file is not a mapping with services."))
    return found or {}


def _unusable(path: Path, message: str) -> ConfigurationError:
    return ConfigurationError(
        message, context=str(path), hint=_("Look at it with: {command}").format(command="docker compose config")
    )


def _services(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    services = document.get("services")
    if not isinstance(services, dict):
        return {}
    return {str(name): raw for name, raw in services.items() if isinstance(raw, dict)}


def _extended(raw: Mapping[str, Any], path: Path, document: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return a service with what it extends, in this file or in another beside it."""
    told = raw.get("extends")
    if not told or depth > _DEEPEST:
        return dict(raw)
    told = {"service": told} if isinstance(told, str) else told
    if told.get("file"):
        path = path.parent / str(told["file"])
        document = _document(path)
    below = _services(document).get(str(told.get("service")), {})
    own = {key: value for key, value in raw.items() if key != "extends"}
    return _over(_extended(below, path, document, depth + 1), own)


def _over(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one file's service over another's, as compose does."""
    merged = dict(before)
    for key, value in after.items():
        known = merged.get(key)
        if key == "environment":
            merged[key] = {**mapping(known), **mapping(value)}
        elif isinstance(known, dict) and isinstance(value, dict):
            merged[key] = {**known, **value}
        elif isinstance(known, list) and isinstance(value, list) and key not in {"command", "entrypoint"}:
            merged[key] = [*known, *(each for each in value if each not in known)]
        else:
            merged[key] = value
    return merged


def mapping(value: Any) -> dict[str, Any]:  # noqa: ANN401 - either form
    """Return variables, written either as a mapping or as a list; ``None``: taken from the environment of compose."""
    if isinstance(value, dict):
        return value
    pairs = (str(each).partition("=") for each in value or ())
    return {name: text if equals else None for name, equals, text in pairs}


def words(value: Any) -> list[str]:  # noqa: ANN401 - either form
    """Return a command, written either as a text or as a list."""
    if isinstance(value, list):
        return [str(each) for each in value]
    try:
        return shlex.split(str(value or ""))
    except ValueError:
        return str(value).split()


def _score(name: str, service: Service) -> int:
    said = " ".join([*words(service.raw.get("command")), *words(service.raw.get("entrypoint"))])
    built = " ".join([*service.stage.entrypoint, *service.stage.command])
    is_other = service.context is None and _OTHERS.search(str(service.raw.get("image", "")))
    return (
        4 * bool(_SERVES.search(said))
        + 3 * bool(not said and _SERVES.search(built))
        + 2 * (service.context is not None)
        + bool(service.raw.get("ports") or service.raw.get("expose"))
        + (name in _NAMES)
        - 6 * bool(_WORKS.search(said) and not _SERVES.search(said))
        - 20 * bool(is_other)
    )
