"""``dvornik init --docker``: write what a project of compose needs to be cleaned, and say what is left to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dvornik import atomic, languages
from dvornik.cli.output import say
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.reports import words
from dvornik.schedule import adoption, compose_project, compose_variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dvornik.schedule.adoption import Wish, Written
    from dvornik.schedule.compose_project import Service

_PATIENCE: Final = 20
"""Seconds that the engine may take to tell of an image."""
_READABLE: Final = 0o644


def adopt(base: Path, named: Sequence[str], service: str) -> None:
    """Write the files; nothing where one of them would overwrite what is not ours."""
    told = named or compose_variables.files(Path.cwd())
    project = compose_project.read(Path.cwd(), [each for each in told if not compose_project.is_written(Path(each))])
    found = project.service(service)
    wish = adoption.Wish(project, found, _home(base, project, found), languages.current(), _image_user(found))
    files = adoption.files(wish)
    for each in files:
        _must_be_free(each)
    say(_("🔎 The application runs in the service {service} of {path}").format(
        service=words.safe(found.name), path=words.safe(str(project.files[0]))
    ))  # fmt: skip
    mode = _READABLE & project.files[0].stat().st_mode  # what is copied from there may be a secret
    for each in files:
        if not (each.stays and each.path.exists()):
            _write(each, mode if each.path == wish.compose else _READABLE)
    say(*_package(wish), *_warnings(wish), _("Then, in {path}:").format(path=words.safe(str(project.directory))))
    say(*(f"  {command}" for command in adoption.commands(wish)))


def _home(base: Path, project: compose_project.Project, service: Service) -> Path:
    """Return the application's directory: that of ``manage.py``, else what the image is built from."""
    if (base / "manage.py").is_file():
        return base
    around = service.context or project.directory
    below = sorted(path.parent for path in around.glob("*/manage.py"))
    return below[0] if len(below) == 1 and not (around / "manage.py").is_file() else around


def _image_user(service: Service) -> str | None:
    """Ask the engine whom an image runs as; ``None`` where nobody can say."""
    image = service.stage.image if service.context else service.image
    if not shutil.which("docker") or not image or "$" in image:
        return None
    command = ["docker", "image", "inspect", "--format", "{{.Config.User}}", image]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)  # noqa: S603 - asks, changes nothing
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout.strip()


def _must_be_free(each: Written) -> None:
    if os.path.lexists(each.path) and not each.stays and not compose_project.is_written(each.path):
        raise ConfigurationError(
            _("A file of this name is there, and is not ours."),
            context=str(each.path),
            hint=_("Look at it; move it away if nobody needs it."),
        )


def _write(each: Written, mode: int) -> None:
    try:
        each.path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(each.path, each.text.encode(), mode)
    except OSError as error:
        raise ConfigurationError(
            _("The file cannot be written: {error}").format(error=error.strerror),
            context=str(each.path),
            hint=_("Do it as the user to whom the project belongs."),
        ) from error
    say(_("📝 Written: {path}").format(path=words.safe(str(each.path))))


def _package(wish: Wish) -> Iterator[str]:
    """Put the wheel where the image is built from, and name older ones; or say that it has to be put there."""
    image = wish.service.stage.image if wish.service.context else wish.service.image
    there, wheel = sorted(wish.home.glob(adoption.PACKAGES)), adoption.package(image)
    if wheel and [path.name for path in there] != [wheel.name]:
        shutil.copy2(wheel, wish.home)
        yield _("📝 Written: {path}").format(path=words.safe(str(wish.home / wheel.name)))
        for path in there:
            if path.name != wheel.name:
                yield _("⚠️ Remove the other package, or it would be installed too: {path}").format(
                    path=words.safe(str(path))
                )
    elif not there:
        yield _(
            "⚠️ Copy the wheel (dist/dvornik-*.whl from make dist; for Alpine the .tar.gz beside it) to {path}"
        ).format(path=words.safe(str(wish.home)))


def _warnings(wish: Wish) -> Iterator[str]:
    service = wish.service
    lines = adoption.ignored(wish)
    if lines:
        yield _("⚠️ Add to {path}:").format(path=words.safe(str(wish.home / ".dockerignore")))
        yield from (f"   {line}" for line in lines)
    dockerfile = service.dockerfile
    if dockerfile and (not service.is_last or not dockerfile.is_file()):
        yield _("⚠️ Add the lines of {lines} to the end of the stage that {service} is built from: {path}").format(
            lines=adoption.DOCKERFILE, service=words.safe(service.name), path=words.safe(str(dockerfile))
        )
    if wish.user == adoption.UNKNOWN:
        yield _("⚠️ Replace {user} in {path} by the user that the image runs as").format(
            user=adoption.UNKNOWN, path=words.safe(str(wish.home / adoption.DOCKERFILE))
        )
    entry, passes = wish.entry()
    if entry and not passes:
        yield _(
            "ℹ️ The new service does not run through the entry point {entry}: variables that it sets are missing there"
        ).format(entry=words.safe(" ".join(entry)))
