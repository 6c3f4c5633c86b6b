"""One installation as a schedule sees it: what is run, as whom, where, and what it must be able to write."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dvornik.config.roots import is_dangerous
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.schedule.schedules import Schedule  # noqa: TC001 - as above
from dvornik.storages import quarantine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_HOMES = ("/home", "/root", "/run/user")
_SCRATCH = ("/tmp", "/var/tmp")  # noqa: S108 - where SQLite and others put what a rewrite needs


class Installation(msgspec.Struct, frozen=True):
    """Everything that the written schedules follow from. Paths are absolute."""

    name: str
    """Letters, digits, ``_`` and ``-``: the name of files, units and services."""
    command: Sequence[str]
    """The interpreter or command, and the words before those of a run."""
    tail: Sequence[str]
    """The words after those of a run, such as ``--config FILE``."""
    script: bool
    """Whether ``command`` is ``cleanup.py``, which has flags where ``dvornik`` has words."""
    directory: str
    """The working directory: that of the configuration."""
    user: str
    """Who runs it; empty: whoever the schedule belongs to."""
    uid: int
    home: str
    """The home directory of whoever runs it: passwords of databases may lie there."""
    schedules: Sequence[Schedule]
    timezone: str = ""
    jitter: int = 0
    """Seconds by which a run may be late, so that many machines do not start at once."""
    environment: Mapping[str, str] = {}
    """Variables that the run needs; none holds a secret."""
    secrets: Sequence[str] = ()
    """Names of variables that it needs as well, and whose values belong in no file of ours."""
    roots: Mapping[str, str] = {}
    """Directories under care, by ``collector/place``."""
    public: Sequence[str] = ()
    """Those that a web server serves: no quarantine lies in them."""
    own: Sequence[str] = ()
    """Directories of the state, of the log and of SQLite databases."""
    state: str = ""
    """That of the state alone."""
    runs_backup: bool = False
    """Whether a backup command is configured: it writes where only the operator knows."""

    def run(self, schedule: Schedule) -> list[str]:
        """Return the words of one run."""
        return [*self.command, *schedule.words(script=self.script), *self.tail]

    @property
    def health(self) -> list[str]:
        """The words of the health check."""
        return [*self.command, "--health-check" if self.script else "health", *self.tail]

    @property
    def marker(self) -> str:
        """The line that says whose a written file is: nothing without it is ever overwritten or removed."""
        return marker(self.directory)

    @property
    def writable(self) -> list[str]:
        """Directories that a run writes to, none inside another.

        For a root that has its quarantine beside it this is the directory of both: as mounts of their own, which is
        what systemd makes of each, no file could be moved from one to the other.
        """
        shared = [] if self.has_private_scratch else _SCRATCH
        return outermost(
            [*(_beside(root, self.public) for root in self.roots.values()), *map(_standing, self.own), *shared]
        )

    @property
    def has_private_scratch(self) -> bool:
        """Whether ``/tmp`` may be its own: not where anything under care, or we ourselves, lie in the real one."""
        return not any(_is_below(path, _SCRATCH) for path in self._paths)

    @property
    def needs_homes(self) -> bool:
        """Whether anything it needs lies in a home directory."""
        return any(_is_below(path, _HOMES) for path in (self.home, *self._paths))

    @property
    def _paths(self) -> list[str]:
        words = [word for word in (*self.command, *self.tail) if os.path.isabs(word)]  # noqa: PTH117 - a text
        return [self.directory, *words, *map(os.path.realpath, words), *self.roots.values(), *self.own]


def marker(directory: str) -> str:
    """Return the line that tells what belongs to the installation in ``directory``."""
    return f"dvornik schedule of {directory}"


class Artefact(msgspec.Struct, frozen=True):
    """One file to write: its name and its whole text."""

    name: str
    text: str


def check(installation: Installation) -> None:
    """Raise ``ConfigurationError`` where a path or value could not be written into any schedule truly."""
    values = [*installation.command, *installation.tail, installation.directory, *installation.environment.values()]
    for text in [*values, *installation.roots.values(), *installation.own]:
        if not text.isprintable() or text.strip() != text:
            raise ConfigurationError(
                _("This cannot be written into a schedule."),
                context=ascii(text),
                hint=_(
                    "Control characters, bytes that are no UTF-8 and spaces at the ends have no place there: rename it."
                ),
            )


def outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths that lie in no other of them, sorted."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda each: Path(each).parts):
        if not _is_below(path, kept):
            kept.append(path)
    return kept


def _beside(root: str, public: Collection[str]) -> str:
    try:
        return os.path.dirname(quarantine.base_for(root, public))  # noqa: PTH120 - a text
    except OSError:  # not there yet
        return _standing(root)


def _standing(path: str) -> str:
    """Return ``path``; where it is still to be made, the directory in which, unless that is the system's."""
    parent = str(Path(path).parent)
    is_missing = not Path(path).is_dir() and Path(parent).is_dir()
    return parent if is_missing and not is_dangerous(parent, "") else path


def _is_below(path: str, directories: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(directory) for directory in directories)
