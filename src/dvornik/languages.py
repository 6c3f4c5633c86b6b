"""The language of this process: Russian or English, through gettext catalogues."""

from __future__ import annotations

import gettext as _gettext
import os
from pathlib import Path

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
