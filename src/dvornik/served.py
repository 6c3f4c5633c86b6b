"""Owns which directories a web server seems to serve, and where what is ours lies so that nobody fetches it.

The health check needs it to find the state: hence nothing but what the interpreter has loaded by then.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing alone costs a third of the health check's budget
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Final

STATE: Final = ".dvornik"
"""The state beside a configuration, and what its name begins with where it lies further up."""
HTACCESS: Final = ".htaccess"
DENY: Final = (
    b"<IfModule mod_authz_core.c>\nRequire all denied\n</IfModule>\n"
    b"<IfModule !mod_authz_core.c>\nOrder allow,deny\nDeny from all\n</IfModule>\n"
)
"""What Apache 2.4 and 2.2 read in a directory that they must not serve."""
_MARKS: Final = ("index.html", "index.htm", "index.php", HTACCESS)
_NAMES: Final = frozenset({"public", "public_html", "htdocs", "httpdocs", "html", "wwwroot", "webroot"})
_LONGEST: Final = 200
"""Bytes of a name that are still a name on every file system."""


def root_of(directory: str, known: Collection[str] = ()) -> str:
    """Return the outermost directory, from ``directory`` upwards, that a web server seems to serve; empty: none does.

    That is one of ``known`` (a media or static root), one that is called as document roots are, or one that holds an
    index or a ``.htaccess``. What anyone may put marks into is not believed.
    """
    found = ""
    for each in upwards(directory):
        if os.path.basename(each) in _NAMES or each in known or (_holds_mark(each) and not _is_shared(each)):  # noqa: PTH119 - pathlib is too dear here
            found = each
    return found


def state_for(base: str) -> str:
    """Return where the state of an application at ``base`` lies by default: beside it, or above what is served.

    One that is there already is kept, wherever the marks of a document root went meanwhile.
    """
    plain, real = os.path.join(base, STATE), os.path.realpath(base)  # noqa: PTH118 - as above
    if os.path.lexists(plain):
        return plain
    for parent in upwards(os.path.dirname(real)):  # noqa: PTH120 - as above
        there = _state_in(parent, real)
        if is_ours(there):
            return there
    around = root_of(real)
    there = _state_in(os.path.dirname(around), real) if around else ""  # noqa: PTH120 - as above
    return there if around and may_hold(os.path.dirname(there)) and is_name(there) else plain  # noqa: PTH120 - as above


def _state_in(parent: str, base: str) -> str:
    return os.path.join(parent, f"{STATE}-of-{name_below(base, parent)}")  # noqa: PTH118 - as above


def is_name(path: str) -> bool:
    """Tell whether the last part of ``path`` is short enough for a name."""
    return len(os.fsencode(os.path.basename(path))) <= _LONGEST  # noqa: PTH119 - as above


def name_below(path: str, parent: str) -> str:
    """Return one name for ``path``, which lies anywhere below ``parent``: its own where it lies right in it."""
    below = os.path.relpath(path, parent)
    return below.replace("%", "%25").replace(os.sep, "%2F") if os.sep in below else below


def may_hold(directory: str) -> bool:
    """Tell whether something of ours may lie in ``directory``: we may write there, and not everybody may."""
    try:
        is_open = sys.platform != "win32" and os.stat(directory).st_mode & 0o002  # noqa: PTH116 - pathlib is too dear here
    except OSError:
        return False
    return not is_open and directory != os.path.dirname(directory) and os.access(directory, os.W_OK | os.X_OK)  # noqa: PTH120 - as above


def is_ours(directory: str) -> bool:
    """Tell whether ``directory`` is there and belongs to this user: others may have made one to mislead us."""
    try:
        state = os.lstat(directory)
    except OSError:
        return False
    return state.st_mode & 0o170000 == 0o040000 and (sys.platform == "win32" or state.st_uid == os.geteuid())  # noqa: PLR2004 - S_ISDIR


def deny(directory: int) -> None:
    """Forbid Apache to serve what lies in an open directory of ours; where that fails, its mode is what protects."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(HTACCESS, flags, 0o644, dir_fd=directory)
    except OSError:
        return
    try:
        os.write(descriptor, DENY)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def is_denial(directory: int) -> bool:
    """Tell whether the ``.htaccess`` in an open directory is the one that ``deny`` writes."""
    try:
        descriptor = os.open(HTACCESS, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0), dir_fd=directory)
    except OSError:
        return False
    try:
        return os.read(descriptor, len(DENY) + 1) == DENY
    finally:
        os.close(descriptor)


def upwards(directory: str) -> Iterator[str]:
    """Yield a directory and those around it, the root of all left out."""
    here = os.path.abspath(directory)  # noqa: PTH100 - as above
    while here != os.path.dirname(here):  # noqa: PTH120 - as above
        yield here
        here = os.path.dirname(here)  # noqa: PTH120 - as above


def _holds_mark(directory: str) -> bool:
    return any(os.path.lexists(os.path.join(directory, mark)) for mark in _MARKS)  # noqa: PTH118 - as above


def _is_shared(directory: str) -> bool:
    try:
        return bool(os.stat(directory).st_mode & 0o002)  # noqa: PTH116 - as above
    except OSError:
        return True
