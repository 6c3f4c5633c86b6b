"""Writes what a project of compose needs to be cleaned: the script, a service that keeps the time, lines for the image.

No file of the project's own is changed: compose reads ours beside it, and the lines for the Dockerfile are the
operator's to add.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from dvornik import __version__
from dvornik.schedule import compose_variables
from dvornik.schedule.compose_project import MARK, OVERRIDES, mapping, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dvornik.schedule.compose_project import Project, Service

STATE: Final = "/var/lib/dvornik"
SCRIPT: Final = "scripts/maintenance/cleanup.py"
DOCKERFILE: Final = "Dockerfile.dvornik"
PACKAGES: Final = "dvornik-[0-9]*"
"""The wheel or the source, whatever its version, as a Dockerfile and ``.dockerignore`` write it."""
UNKNOWN: Final = "the-user-of-this-image"
"""Where nobody knows whom an image belongs to: building it fails by this name, rather than run as root."""
_APART: Final = "/opt/dvornik"
"""Where the script lies in an image that does not get it with the application; it is called there by its whole path."""
_BELOW: Final = "APPLICATION_IMAGE"
"""The argument that names the application's image, where that depends on variables: compose fills it in each time."""
_EXTRA: Final = "compose.dvornik.yml"
_OVERRIDE: Final = "docker-compose.override.yml"
_VOLUME: Final = "dvornik"
_COPIED: Final = (
    "platform", "user", "group_add", "env_file", "network_mode", "secrets", "configs", "extra_hosts", "dns",
    "dns_search", "tmpfs", "read_only", "cap_add", "cap_drop", "security_opt", "profiles",
)  # fmt: skip
"""What a service beside the application needs of it, to see the same files, databases and variables."""
_RUNNERS: Final = ("uv", "poetry", "pipenv", "pdm")
_ROOTS: Final = re.compile(r"(^|/)(python|pypy|debian|ubuntu|alpine|uv|fedora|almalinux|rockylinux|miniconda3)(:|@|$)")
"""Images that are known to run as root where their Dockerfile names nobody."""
_WRAPPERS: Final = frozenset({"tini", "dumb-init", "docker-init", "catatonit", "--", "-g", "-s"})
_SKIPPED: Final = frozenset({"node_modules", "venv", "media", "static"})
_SCRIPT_TEXT: Final = '''\
#!/usr/bin/env python3
"""Clean up this backend: a thin entry over the installed package; README.md beside it is the operator's page."""

import sys

try:
    from dvornik.cli.entry import cleanup
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] != "dvornik":
        raise
    sys.stderr.write(
        "❌ Пакет dvornik не установлен в этом окружении Python.\\n"
        f"   {sys.executable}\\n"
        "   Активируйте окружение (source venv/bin/activate) или установите пакет: pip install ПУТЬ,\\n"
        "   где ПУТЬ — репозиторий dvornik или его wheel (make dist).\\n"
        "   The dvornik package is not installed in this Python environment: activate it, or pip install PATH,\\n"
        "   where PATH is dvornik's repository or its wheel (make dist).\\n"
    )
    sys.exit(2)

if __name__ == "__main__":
    cleanup(__file__)
'''


class Wish(msgspec.Struct, frozen=True):
    """What is to be written, and for whom."""

    project: Project
    service: Service
    base: Path
    """The directory of the application: of ``manage.py``, or of the configuration."""
    language: str
    image_user: str | None
    """Whom the image runs as by itself, as far as the engine knows it; ``None``: unknown."""

    @property
    def home(self) -> Path:
        """The directory that the image is built from."""
        return self.service.context or self.project.directory

    @property
    def is_alone(self) -> bool:
        """Whether compose reads our file by itself: nobody names files, and no other override is there."""
        return len(self.project.files) == 1 and self.compose.name == _OVERRIDE

    @property
    def compose(self) -> Path:
        """The compose file to write."""
        first = self.project.files[0]
        plain = first.name.removesuffix(first.suffix) in {"compose", "docker-compose"}
        others = [first.parent / name for name in OVERRIDES if (first.parent / name) in self.project.files]
        return first.parent / (_OVERRIDE if plain and not others and len(self.project.files) == 1 else _EXTRA)

    @property
    def image(self) -> str:
        """The image with dvornik in it, for both services."""
        name = re.sub(r"[^a-z0-9]+", "-", f"{self.project.directory.name}-{self.service.name}".lower()).strip("-")
        told = str(self.service.raw.get("image") or "")
        return told if told and self.service.context else name if self.service.context else f"{name}-with-dvornik"

    @property
    def user(self) -> str:
        """Whom the image runs as, or else whom compose runs it as; empty: root."""
        stage = self.service.stage
        if self.service.context and (stage.user or _ROOTS.search(stage.image)):
            return stage.user
        return (self.service.user or UNKNOWN) if self.image_user is None else self.image_user

    @property
    def runner(self) -> list[str]:
        """The words before ``python``, where the application is started by a tool that knows its environment."""
        started = words(self.service.raw.get("command")) or self.service.stage.command
        return started[:2] if started[:1] and started[0] in _RUNNERS and started[1:2] == ["run"] else []

    @property
    def directory(self) -> str:
        """The directory of the application in the container; empty: the image's working directory."""
        return self._place or self.service.directory

    @property
    def _place(self) -> str:
        """Where the application's directory is copied or mounted to; empty: that cannot be read anywhere."""
        for source, target in self._ways():
            if target.startswith("/") and self.base.is_relative_to(source):
                there = posixpath.join(target, self.base.relative_to(source).as_posix())
                return posixpath.normpath(there)
        return ""

    def _ways(self) -> Iterator[tuple[Path, str]]:
        """Yield which directory of this machine lies where in the container: mounts hide what the image holds."""
        for volume in self.service.raw.get("volumes") or ():
            source, target = _bound(volume, self.service)
            if source.startswith((".", "/")):
                yield (self.project.directory / source).resolve(), target
        for source, target in reversed(self.service.stage.copies):
            yield (self.home / source).resolve(), target

    @property
    def is_apart(self) -> bool:
        """Whether the script has to be copied to a place of ours: the application's directory gets it nowhere."""
        return not self._place

    @property
    def here(self) -> Path:
        """The script, as it is written here: beside ``manage.py``, unless no image could be given it from there."""
        return (self.base if not self.is_apart or self.base.is_relative_to(self.home) else self.home) / SCRIPT

    @property
    def there(self) -> str:
        """The script's whole path in the container."""
        return f"{_APART if self.is_apart else self.directory}/{SCRIPT}"

    @property
    def script(self) -> str:
        """The script, as it is called in the container."""
        return SCRIPT if not self.is_apart and self.directory == self.service.directory else self.there

    def entry(self) -> tuple[list[str], bool]:
        """Return the application's entry point, and whether dvornik's service may run through it.

        It may where the script was read, and hands on to what it is given without migrating a database first. Of an
        image that nobody has read, no entry point is known to do so.
        """
        entry = words(self.service.raw.get("entrypoint")) or self.service.stage.entrypoint
        if not entry:
            return entry, bool(self.service.context and _ROOTS.search(self.service.stage.image))
        names = [posixpath.basename(word) for word in entry]
        if all(name in _WRAPPERS for name in names):
            return entry, True
        text = _text_of(self.home, [name for name in names if name not in _WRAPPERS][-1])
        return entry, bool(re.search(r'^\s*exec\b.*"?\$@"?', text, re.MULTILINE)) and "migrate" not in text


class Written(msgspec.Struct, frozen=True):
    """One file to write, and whether one that is there already is good enough."""

    path: Path
    text: str
    stays: bool = False


def files(wish: Wish) -> list[Written]:
    """Return the files to write."""
    return [
        Written(wish.here, _SCRIPT_TEXT, stays=True),
        Written(wish.compose, "\n".join([MARK, *_compose(wish), ""])),
        Written(wish.home / DOCKERFILE, "\n".join([MARK, *_image(wish), ""])),
    ]


def _image(wish: Wish) -> Iterator[str]:
    extras = ",".join(wish.project.extras())
    owner = _owner(wish)
    python = " ".join([*wish.runner, "python"])
    if not wish.service.context:
        told = str(wish.service.raw.get("image"))
        yield from (f"ARG {_BELOW}", f"FROM ${{{_BELOW}}}") if "$" in told else (f"FROM {told}",)
    yield "# dvornik beside the application, and the directory of its state. Rights and owner pass on to the volume."
    yield "USER root"
    if wish.is_apart:
        yield f"COPY {wish.here.relative_to(wish.home).as_posix()} {wish.there}"
    yield f"COPY {PACKAGES} /tmp/dvornik/"
    yield f"RUN {{ {python} -m pip --version || {python} -m ensurepip; }} > /dev/null \\"
    wheel = f"$(ls /tmp/dvornik/*){f'[{extras}]' if extras else ''}"
    yield f' && {python} -m pip install --no-cache-dir "{wheel}" \\'
    yield f" && rm -r /tmp/dvornik && mkdir -p -m 0700 {STATE}{f' && chown {owner} {STATE}' if owner else ''}"
    if wish.user:
        yield f"USER {wish.user}"


def _owner(wish: Wish) -> str:
    """Return to whom the state belongs, for ``chown``: variables of compose are unknown to a Dockerfile."""
    owner = wish.service.user or wish.user
    return "" if owner in {"", "root", "0", "0:0", "root:root"} else f'"{owner}"'


def _compose(wish: Wish) -> Iterator[str]:
    project, service = wish.project, wish.service
    if project.version:
        yield f"version: {json.dumps(project.version)}"
    yield "services:"
    yield f"  {service.name}:"
    if not service.context:
        build: dict[str, Any] = {"context": ".", "dockerfile": DOCKERFILE}
        told = str(service.raw.get("image"))
        build |= {"args": {_BELOW: told}} if "$" in told else {}
        yield from _yaml({"build": build}, 4)
    variables = {"DVORNIK_APP_STATE": STATE, "DVORNIK_LANG": f"${{DVORNIK_LANG:-{wish.language}}}"}
    yield from _yaml(
        {"image": wish.image, "environment": variables, "volumes": [f"{_VOLUME}:{STATE}"]},
        4,
    )
    yield "  # The schedules: [schedule] in dvornik.toml, or DVORNIK_SCHEDULE_DAILY, _WEEKLY and _MONTHLY. What follows"
    yield f"  # from {json.dumps(service.name)} was copied: after a change there, write this file again."
    yield f"  {_beside(wish)}:"
    yield from _yaml(_daemon(wish, variables), 4)
    yield "volumes:"
    yield f"  {_VOLUME}:"


def _beside(wish: Wish) -> str:
    taken = wish.project.services
    return next((name for name in ("cleanup", "dvornik") if name not in taken), "dvornik-daemon")


def _daemon(wish: Wish, variables: Mapping[str, str]) -> dict[str, Any]:
    raw = wish.service.raw
    command = [*wish.runner, "python", "-P", "-m", "dvornik", "daemon"]
    _entry, passes = wish.entry()
    networks = raw.get("networks")
    found: dict[str, Any] = {"image": wish.image}
    found |= {"command": command} if passes else {"entrypoint": command, "command": []}
    found |= {"working_dir": wish.directory} if wish.directory else {}
    found |= {key: raw[key] for key in _COPIED if key in raw}
    found |= {"networks": list(networks)} if networks else {}
    found["environment"] = {**mapping(raw.get("environment")), **variables}
    found["volumes"] = [*(raw.get("volumes") or ()), f"{_VOLUME}:{STATE}"]
    found["depends_on"] = _after(raw.get("depends_on"), wish.service.name)
    found |= {"init": True, "restart": "unless-stopped", "stop_grace_period": "30s"}
    found["healthcheck"] = {
        "test": ["CMD", *wish.runner, "python", wish.there, "--health-check"],
        "interval": "1h",
        "timeout": "30s",
        "retries": 3,
    }
    return found


def _after(told: Any, service: str) -> Any:  # noqa: ANN401 - either form of compose
    """Return what the daemon waits for: what the application waits for, and the application, which makes the tables."""
    if isinstance(told, dict):
        return {**told, service: {"condition": "service_started"}}
    return [*(told or ()), service]


def _yaml(value: Any, indent: int) -> Iterator[str]:  # noqa: ANN401 - what compose files hold
    """Write mappings and lists a line an entry; everything in them as JSON, which is YAML."""
    margin = " " * indent
    for key, each in value.items():
        name = key if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", key) else json.dumps(key)
        is_command = key in {"command", "entrypoint", "test"}
        if isinstance(each, dict) and each:
            yield f"{margin}{name}:"
            yield from _yaml(each, indent + 2)
        elif isinstance(each, list) and each and not is_command:
            yield f"{margin}{name}:"
            yield from (f"{margin}  - {json.dumps(item, ensure_ascii=False, default=str)}" for item in each)
        else:
            yield f"{margin}{name}: {json.dumps(each, ensure_ascii=False, default=str)}"


def _bound(volume: Any, service: Service) -> tuple[str, str]:  # noqa: ANN401 - either form of compose
    if isinstance(volume, dict):
        is_bind = volume.get("type") == "bind"
        return (service.filled(volume.get("source")), service.filled(volume.get("target"))) if is_bind else ("", "")
    source, _colon, rest = service.filled(volume).partition(":")
    return source, rest.partition(":")[0]


def _text_of(home: Path, name: str) -> str:
    """Return the text of a script of the project by its name alone: where it is copied to says no instruction."""
    for directory, below, names in os.walk(home):
        depth = len(Path(directory).relative_to(home).parts)
        below[:] = [each for each in below if depth < 4 and each not in _SKIPPED and not each.startswith(".")]  # noqa: PLR2004 - deep enough
        if name in names:
            try:
                return Path(directory, name).read_text("utf-8")
            except (OSError, ValueError):
                continue
    return ""


def package(image: str) -> Path | None:
    """Return what this dvornik was installed from, if it is still there: the wheel, or the source where that is unfit.

    A wheel fits where it was made for Linux, and the image has the usual C library.
    """
    try:
        told = json.loads(metadata.distribution("dvornik").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return None
    path = Path(unquote(urlsplit(str(told.get("url", ""))).path))
    fits = path.suffix == ".whl" and "linux" in path.name and "alpine" not in image
    chosen = path if fits else path.with_name(f"dvornik-{__version__}.tar.gz")
    return chosen if chosen.is_file() else None


def ignored(wish: Wish) -> Sequence[str]:
    """Return lines that the project's ``.dockerignore`` needs so that the image gets what we wrote."""
    try:
        lines = [line.strip() for line in (wish.home / ".dockerignore").read_text("utf-8").splitlines()]
    except (OSError, ValueError):
        return ()
    patterns = {line.strip("/") for line in lines if line and not line.startswith(("#", "!"))}
    is_all = bool(patterns & {"*", "**", "**/*"})
    wanted = {f"!{PACKAGES}": {"*.whl", "**/*.whl", "*.tar.gz", "**/*.tar.gz"}}
    if wish.here.is_relative_to(wish.home):
        scripts = wish.here.relative_to(wish.home).parent.parent.as_posix()
        wanted[f"!{scripts}"] = {scripts, f"{scripts}/*", f"{scripts}/maintenance", "**/scripts", "*.py", "**/*.py"}
    return [line for line, marks in wanted.items() if line not in lines and (is_all or patterns & marks)]


def commands(wish: Wish) -> list[str]:
    """Return what is left to do, a command a line."""
    service, home = wish.service, wish.project.directory
    steps = []
    if service.dockerfile and service.is_last and not has_lines(wish, service.dockerfile):
        target, lines = (_below(path, home) for path in (service.dockerfile, wish.home / DOCKERFILE))
        ends = service.dockerfile.read_text("utf-8", errors="replace").endswith("\n")
        steps.append(f"cat {lines} >> {target}" if ends else f"{{ echo; cat {lines}; }} >> {target}")
    if not wish.is_alone:
        paths = [os.path.relpath(path, home) for path in (*wish.project.files, wish.compose)]
        names = os.pathsep.join(map(shlex.quote, paths))
        if compose_variables.files(home) != paths:
            steps.append(f"echo COMPOSE_FILE={names} >> .env")
    python = " ".join([*wish.runner, "python"])
    steps.append("docker compose up --build --detach")
    steps.append(f"docker compose exec {service.name} {python} {wish.script} --dry-run")
    return steps


def has_lines(wish: Wish, dockerfile: Path) -> bool:
    """Tell whether our lines stand in a Dockerfile; one that cannot be read has none, and none can be added."""
    try:
        text = dockerfile.read_text("utf-8")
    except (OSError, ValueError):
        return True
    return STATE in text and (not wish.is_apart or wish.there in text)


def _below(path: Path, home: Path) -> str:
    return shlex.quote(os.path.relpath(path, home))
