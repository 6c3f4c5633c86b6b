"""Which directories may never be cleaned, whoever names them: judged before anything is touched."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dvornik.config import addresses, static_source
from dvornik.languages import _
from dvornik.storages import ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_WHOLLY = (
    "/bin",
    "/boot",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/proc",
    "/sbin",
    "/sys",
    "/usr/bin",
    "/usr/lib",
    "/usr/sbin",
)
"""Nothing in these is an application's, at any depth."""
_THEMSELVES = (
    *("/", "/dev", "/dev/shm", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv", "/tmp", "/usr"),  # noqa: S108 - refused, not used
    *(
        "/usr/local",
        "/usr/share",
        "/usr/src",
        "/var",
        "/var/backups",
        "/var/cache",
        "/var/lib",
        "/var/log",
        "/var/mail",
    ),
    *("/var/opt", "/var/run", "/var/spool", "/var/tmp", "/var/www", "/Users", "/Library", "/System", "/private"),  # noqa: S108 - as above
    *("/private/tmp", "/private/var", "/private/etc"),
)
"""Shared by many: only a directory below them can be one application's own."""
_HOMES = ("/home", "/Users")
_CODE = ("manage.py", "dvornik.toml", "pyproject.toml", ".git")


class Objection(msgspec.Struct, frozen=True):
    """Why a directory is not cleaned, and what to do about it."""

    message: str
    hint: str


class Ground(msgspec.Struct, frozen=True):
    """What roots are judged against: directories and files that none of them may hold."""

    base: Path
    state: Path
    home: str = ""
    allow_outside: bool = True
    kept: Mapping[str, str] = {}
    """Other paths that must not lie in a place, and the sentence that says what they are."""
    static: Sequence[str] = ()
    """Directories of the application's own files, which users' files lie neither around nor in."""
    declared: bool = False
    """Whether an operator names the roots: one of users' files alone may then lie in such a directory."""


def ground(  # noqa: PLR0913 - what roots are judged by
    base: Path, state: Path, env: Mapping[str, str], *, allow_outside: bool, kept: Mapping[str, str],
    static: Sequence[str] = (), declared: bool = False,
) -> Ground:  # fmt: skip
    """Return the ground for an application at ``base``."""
    home = env.get("HOME") or env.get("USERPROFILE") or ""
    return Ground(base, state, home, allow_outside, kept, static, declared)


def judged(root: str, on: Ground, *, user_content: bool) -> tuple[str, Objection | None]:
    """Return where the absolute ``root`` leads, and why that must not be cleaned; ``None``: nothing speaks against it.

    This is the only time that it is resolved: what was judged is what is shown, opened and cleaned. In a directory of
    ``user_content`` names mean nothing (people upload files called ``manage.py``), so that only what lies around it is
    looked at.
    """
    try:
        real = ways.resolved(root)
    except ways.UnsafeStepError as error:
        return root, Objection(error.message, error.hint)
    return real, _objection(root, real, on, user_content=user_content)


def _objection(root: str, real: str, on: Ground, *, user_content: bool) -> Objection | None:
    if is_dangerous(root, on.home) or is_dangerous(real, on.home):
        return Objection(_("a directory of the system or of a user"), _("Name a directory that holds this alone."))
    checks: tuple[tuple[str | Path, str], ...] = (
        (on.base, _("it holds the application itself")),
        (on.state, _("it holds dvornik's own state")),
        *on.kept.items(),
    )
    for path, message in checks:
        if Path(os.path.realpath(path)).is_relative_to(real):
            return Objection(message, _("Name a directory that holds this alone."))
    if user_content:
        refused = _static_objection(root, real, on)
        if refused:
            return refused
    code = "" if user_content else next((name for name in _CODE if os.path.lexists(Path(real, name))), "")
    if code:
        return Objection(_("it holds code: {name}").format(name=code), _("Name a directory that holds this alone."))
    if not on.allow_outside and not Path(real).is_relative_to(os.path.realpath(on.base)):
        return Objection(
            _("it lies outside the application ({base})").format(base=on.base),
            _("If it is the application's own, say so: [app] allow_outside = true."),
        )
    return None


def _static_objection(root: str, real: str, on: Ground) -> Objection | None:
    """Return why a root of users' files holds the application's own, or may."""
    hint = _("Keep users' files in a directory of their own, and name that: [media.NAME] root.")
    for each in (*on.static, *map(str, static_source.folders(on.base))):
        own = Path(os.path.realpath(each))
        if own.is_relative_to(real):
            return Objection(_("it holds the application's own static files ({path})").format(path=each), hint)
        if Path(real).is_relative_to(own):
            found = static_source.named_below(real, on.base, pictures=True) if on.declared else each
            if found:
                message = _("it lies in the application's own static files ({path})").format(path=found)
                return Objection(message, hint if on.declared else f"{hint} {_declare(root)}")
    found = static_source.named_below(real, on.base)
    return Objection(_("templates name styles or scripts in it ({path})").format(path=found), hint) if found else None


def _declare(root: str) -> str:
    return _('If it holds nothing else, say so in dvornik.toml: [media.NAME] root = "{root}".').format(root=root)


def databases_kept(urls: Iterable[str]) -> dict[str, str]:
    """Return the files of the SQLite databases among ``urls``, in the form of ``Ground.kept``."""
    files = [addresses.sqlite_path(url) for url in urls]
    return {file: _("it holds a database file") for file in files if file}


def is_dangerous(path: str, home: str) -> bool:
    """Tell whether ``path`` is a system directory, a home, or the root of a drive."""
    pure = Path(os.path.normpath(path))
    name = pure.as_posix().replace("//", "/", 1)
    if pure == Path(pure.anchor) or name in _THEMSELVES or pure.parent.as_posix() in _HOMES:
        return True
    if any(pure.is_relative_to(root) for root in _WHOLLY):
        return True
    return any(Path(os.path.realpath(home)).is_relative_to(os.path.realpath(pure)) for home in _homes(home))


def is_shared(directory: Path) -> bool:
    """Tell whether anyone may put files into ``directory`` (as into /tmp): nothing found there is to be trusted."""
    try:
        mode = directory.stat().st_mode
    except OSError:
        return True
    return bool(mode & stat.S_IWOTH and mode & stat.S_ISVTX)


def _homes(home: str) -> list[str]:
    own = Path("~").expanduser()
    return [path for path in {home, str(own)} if path not in {"", os.sep, "~"}]
