"""Puts written schedules where they take effect, and takes them away again; nobody else's lines are touched."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dvornik import atomic
from dvornik.errors import ConfigurationError, DvornikError
from dvornik.languages import _, of_system

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.schedule.installation import Artefact

CRON: Final = "/etc/cron.d"
UNITS: Final = "/etc/systemd/system"
_READABLE: Final = 0o644
_PATIENCE: Final = 60
"""Seconds for ``crontab`` and ``systemctl``; neither waits for a run."""


def user_units() -> str:
    """Return the directory of the units of one's own systemd manager."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return str(Path(home, "systemd/user"))


def write(directory: str, artefacts: Sequence[Artefact], marker: str) -> list[Path]:
    """Write every file, whole or not at all; return their paths.

    Raises:
        ConfigurationError: a file is there that does not carry ``marker``; nothing was written then.
    """
    paths = [Path(directory, artefact.name) for artefact in artefacts]
    for path in paths:
        _must_be_ours(path, marker)
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        for path, artefact in zip(paths, artefacts, strict=True):
            atomic.write(path, artefact.text.encode(), _READABLE)
    except OSError as error:
        raise _unwritable(directory, error) from error
    return paths


def remove(directory: str, names: Sequence[str], marker: str) -> list[Path]:
    """Remove those of the files that are there; return their paths. Raises as ``write`` does, touching nothing."""
    paths = ours(directory, names, marker)
    try:
        for path in paths:
            path.unlink()
    except OSError as error:
        raise _unwritable(directory, error) from error
    return paths


def ours(directory: str, names: Sequence[str], marker: str) -> list[Path]:
    """Return those of the files that are there. Raises as ``write`` does."""
    paths = [path for path in (Path(directory, name) for name in names) if os.path.lexists(path)]
    for path in paths:
        _must_be_ours(path, marker)
    return paths


def _must_be_ours(path: Path, marker: str) -> None:
    """Refuse what does not say on its first line that it is ours; a link may lead anywhere."""
    if not os.path.lexists(path):
        return
    try:
        first = "" if path.is_symlink() else path.read_text("utf-8").partition("\n")[0]
    except (OSError, ValueError):
        first = ""
    if first != f"# {marker}":
        raise ConfigurationError(
            _("A file of this name is there, and is not ours."),
            context=str(path),
            hint=_("Look at it; or choose another name: --name."),
        )


def _unwritable(directory: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        _("The schedule cannot be written: {error}").format(error=of_system(error)),
        context=str(error.filename or directory),
        hint=_("Do it as the user to whom the directory belongs, or print it and hand it on."),
    )


# systemd


def take_up(timers: Sequence[str], *, own: bool) -> None:
    """Let systemd read its units again and start ``timers``, now and at every boot; ``own``: the user's manager."""
    _systemctl(["daemon-reload"], own=own)
    _systemctl(["enable", "--now", *timers], own=own)


def let_go(timers: Sequence[str], *, own: bool) -> None:
    """Stop ``timers``, now and at every boot. A run that goes on is not interrupted."""
    _systemctl(["disable", "--now", *timers], own=own)


def reload(*, own: bool) -> None:
    """Let systemd forget units whose files are gone."""
    _systemctl(["daemon-reload"], own=own)


def _systemctl(words: Sequence[str], *, own: bool) -> None:
    command = ["systemctl", *(["--user"] if own else []), *words]
    done = _run(command)
    if done.returncode:
        raise DvornikError(
            _("systemd did not do it: {error}").format(error=done.stderr.decode(errors="replace").strip()),
            context=" ".join(command),
            hint=_("Where systemd runs, give that command by hand."),
        )


# crontab


def into_crontab(block: str, opening: str, closing: str) -> None:
    """Put our block into the user's own crontab, in the place of an earlier one."""
    before = _crontab()
    rest = without_block(before, opening, closing)
    place = before.find(opening)
    head, tail = (rest, "") if place < 0 else (rest[:place], rest[place:])
    _set_crontab(f"{head}{'' if not head or head.endswith(chr(10)) else chr(10)}{block}{tail}")


def out_of_crontab(opening: str, closing: str) -> bool:
    """Take our block out of the user's own crontab; tell whether there was one. An empty crontab goes altogether."""
    before = _crontab()
    rest = without_block(before, opening, closing)
    if rest == before:
        return False
    if rest.strip():
        _set_crontab(rest)
    elif (done := _run(["crontab", "-r"])).returncode:
        raise _refused_by_cron(done)
    return True


def of_crontab(opening: str, closing: str) -> str:
    """Return our block of the user's own crontab; empty where there is none. Raise where it is not whole."""
    before = _crontab()
    rest = without_block(before, opening, closing)
    return before[before.find(opening) :][: len(before) - len(rest)]


def without_block(crontab: str, opening: str, closing: str) -> str:
    """Return ``crontab`` without our block, every other byte as it was; raise where the block is not whole."""
    lines = crontab.splitlines(keepends=True)
    marks = [line.rstrip("\n") for line in lines]
    counts = marks.count(opening), marks.count(closing)
    if counts == (0, 0):
        return crontab
    first, last = (marks.index(mark) if mark in marks else -1 for mark in (opening, closing))
    if counts != (1, 1) or last < first:
        raise ConfigurationError(
            _("The block of dvornik in the crontab is not whole."),
            context=opening,
            hint=_("Mend or remove its lines by hand: crontab -e"),
        )
    return "".join(lines[:first] + lines[last + 1 :])


def _crontab() -> str:
    done = _run(["crontab", "-l"])
    if done.returncode and b"no crontab for" not in done.stderr:
        raise _refused_by_cron(done)
    return "" if done.returncode else done.stdout.decode("utf-8", "surrogateescape")


def _set_crontab(text: str) -> None:
    done = _run(["crontab", "-"], text.encode("utf-8", "surrogateescape"))
    if done.returncode:
        raise _refused_by_cron(done)


def _refused_by_cron(done: subprocess.CompletedProcess[bytes]) -> DvornikError:
    return DvornikError(
        _("cron did not take it: {error}").format(error=done.stderr.decode(errors="replace").strip()),
        context=" ".join(map(str, done.args)),
        hint=_("The crontab is as it was."),
    )


def _run(command: Sequence[str], text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # In the language of the source: what cron says of an empty crontab is told by its words.
    env = {**os.environ, "LC_ALL": "C", "LANGUAGE": ""}
    try:
        return subprocess.run(command, input=text, env=env, capture_output=True, check=False, timeout=_PATIENCE)  # noqa: S603 - the system's own programs
    except FileNotFoundError as error:
        raise DvornikError(
            _("{program} is not installed here.").format(program=command[0]),
            hint=_("Choose another kind of schedule, or print it and put it where it belongs."),
        ) from error
    except subprocess.TimeoutExpired as error:
        raise DvornikError(_("{program} does not answer.").format(program=command[0])) from error
