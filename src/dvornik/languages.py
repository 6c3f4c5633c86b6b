"""The language of this process: Russian or English, through gettext catalogues."""

from __future__ import annotations

import errno
import gettext as _gettext
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DOMAIN = "dvornik"
_LOCALE = Path(__file__).parent / "locale"
_catalogue: _gettext.NullTranslations = _gettext.NullTranslations()
_language = "en"


def use(language: str) -> None:
    """Speak ``language`` (``ru`` or ``en``) from now on.

    What click says of itself goes through gettext's own functions, which know the language only from the environment:
    hence ``LANGUAGE``, for this process and those that it starts.
    """
    global _catalogue, _language  # noqa: PLW0603 - a process speaks one language
    _language = language
    _catalogue = _gettext.translation(_DOMAIN, _LOCALE, [language], fallback=True)
    _gettext.bindtextdomain(_DOMAIN, str(_LOCALE))
    _gettext.textdomain(_DOMAIN)
    os.environ["LANGUAGE"] = language


def current() -> str:
    """Return the language spoken now."""
    return _language


def _(message: str) -> str:
    """Return ``message`` in the current language."""
    return _catalogue.gettext(message)


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form that fits ``count``."""
    return _catalogue.ngettext(one, many, count)


def of_system(error: OSError) -> str:
    """Return what the system says of an error, in the current language; what is rare stays as the system has it."""
    said = _SYSTEM.get(error.errno or 0)
    return said() if said else error.strerror or str(error)


_SYSTEM: Final[Mapping[int, Callable[[], str]]] = {
    errno.EACCES: lambda: _("Permission denied"),
    errno.EADDRINUSE: lambda: _("Address already in use"),
    errno.EBUSY: lambda: _("Device or resource busy"),
    errno.EEXIST: lambda: _("File exists"),
    errno.EIO: lambda: _("Input/output error"),
    errno.EISDIR: lambda: _("Is a directory"),
    errno.ELOOP: lambda: _("Too many levels of symbolic links"),
    errno.EMFILE: lambda: _("Too many open files"),
    errno.ENAMETOOLONG: lambda: _("File name too long"),
    errno.ENOENT: lambda: _("No such file or directory"),
    errno.ENOEXEC: lambda: _("Exec format error"),
    errno.ENOSPC: lambda: _("No space left on device"),
    errno.ENOTDIR: lambda: _("Not a directory"),
    errno.EPERM: lambda: _("Operation not permitted"),
    errno.EROFS: lambda: _("Read-only file system"),
}
"""The sentences of the C library, which speaks the language of the locale at best."""
