"""Names are UTF-8 whatever the locale says; the terminal alone has a charset of its own.

Python reads the names of files, and its arguments, by the locale. Under ``ru_RU.KOI8-R`` a name on the disk would be
other letters than the same name in the database, and the file would look unused. Imported before the health
check, hence without typing and without locale.
"""

from __future__ import annotations

import codecs
import os
import sys

TYPE_CHECKING = False  # typing alone costs a third of the health check's budget
if TYPE_CHECKING:
    from collections.abc import Mapping

PLAINLY = "dvornik.plainly"
"""The error handler for what a charset lacks: our own signs in ASCII, anything else escaped."""
_STREAMS = ("stdin", "stdout", "stderr")
_UTF8 = "utf-8"
_OWN_SIGNS = {
    **dict.fromkeys("«»“”„", '"'),
    **dict.fromkeys("—–−", "-"),
    **dict.fromkeys("⚠❌⛔❓", "!"),
    **dict.fromkeys("✅", "+"),
    **dict.fromkeys("⚡↩🗄📄🧺📁🧾🗜🗂🔑📨📝📂✂♻🔍🛡🗑📈🩺🔒📊⏹ℹ🕑🔎⚙🧹💾👤👂🐘⏰•", "*"),
    "…": "...",
    "→": "->",
    "×": "x",
    "·": "-",
    "\ufe0f": "",
    "\xa0": " ",
    "\u202f": " ",
}
"""What our sentences begin with or have in them."""


def open_streams() -> None:
    """Make the standard streams usable: those that are closed, and those of a terminal that is not UTF-8.

    A closed one gets the null device: else the next opened file would take its number.
    """
    charset = _of_terminal()
    for name in _STREAMS:
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "r" if name == "stdin" else "w", encoding=_UTF8)  # noqa: PTH123, SIM115 - pathlib is dear; it lives on
            setattr(sys, name, stream)
        elif charset or not _is_utf8(stream.encoding):
            encoding = _UTF8 if charset and is_journal(name, os.environ) else charset
            stream.reconfigure(encoding=encoding, errors="replace" if name == "stdin" else PLAINLY)


def is_journal(name: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a standard stream goes to systemd's journal, as ``JOURNAL_STREAM`` (systemd.exec(5)) says.

    The journal holds UTF-8 whatever the locale: it keeps a line in another charset as a blob that it shows nobody.
    """
    try:
        there = os.fstat(getattr(sys, name).fileno())
    except (AttributeError, OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


def are_names_utf8() -> bool:
    """Tell whether names on the disk are read as the database's are."""
    return _is_utf8(sys.getfilesystemencoding())


def read_names_as_utf8() -> None:
    """Start again in Python's UTF-8 mode where names would be read otherwise; never more than once.

    It costs a start of the interpreter, and only under such a locale. Ends the process where it cannot be done.
    """
    if are_names_utf8():
        return
    if sys.executable and "utf8" not in sys._xoptions:  # noqa: SLF001 - the documented name
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - ourselves once more
    sys.stderr.write("dvornik: Python does not read names as UTF-8 here; set PYTHONUTF8=1\n")
    sys.exit(2)


def arguments_as_typed(word: str) -> list[str]:
    """Return what a word of the command line may be: as its bytes are, and as the terminal shows them."""
    charset = _of_terminal()
    typed = os.fsencode(word).decode(charset, "replace") if charset else word
    return list(dict.fromkeys((word, typed)))


def _of_terminal() -> str | None:
    """Return the charset of the locale where it is not Python's choice already, nor UTF-8.

    Whoever set ``PYTHONIOENCODING`` has chosen; where the locale is C, Python chooses UTF-8.
    """
    if "utf8" not in sys._xoptions or os.environ.get("PYTHONIOENCODING"):  # noqa: SLF001 - as above
        return None
    from _locale import getencoding  # noqa: PLC0415 - locale itself costs five milliseconds

    try:
        name = codecs.lookup(getencoding()).name
    except LookupError:
        return None
    return None if name in {"utf-8", "ascii"} else name


def _is_utf8(encoding: str | None) -> bool:
    return (encoding or _UTF8).lower().replace("_", "-") in {"utf-8", "utf8"}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(letter: str) -> str:
    byte = ord(letter) - 0xDC00
    if 0x80 <= byte <= 0xFF:  # noqa: PLR2004 - a byte that is no UTF-8
        return f"\\x{byte:02x}"
    if letter in _OWN_SIGNS:
        return _OWN_SIGNS[letter]
    return letter.encode("ascii", "backslashreplace").decode()


codecs.register_error(PLAINLY, _plainly)


def language_of_locale(environ: Mapping[str, str]) -> str:
    """Return the language of the locale: Russian where it says so, English otherwise."""
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "ru" if locale.lower().startswith("ru") else "en"
