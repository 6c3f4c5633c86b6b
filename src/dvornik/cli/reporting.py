"""Turns a report into a file's text, by the format that the file's name says, and writes it."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from dvornik.cli.output import complain
from dvornik.config.exposure import exposure
from dvornik.errors import ConfigurationError, UnwrittenError
from dvornik.languages import _, of_system
from dvornik.reports import document, text

if TYPE_CHECKING:
    from collections.abc import Collection

    from dvornik.cli.yard import Yard
    from dvornik.reports.document import Report

_FORMS: Final = (".html", ".htm", ".md", ".markdown", ".json", ".txt", ".text")
_RUNS: Final = 30
_YEAR: Final = 366 * 86400


def with_trends(yard: Yard, told: Report) -> Report:
    """Add what the record knows of the latest runs and of sizes."""
    history = [document.past(run) for run in reversed(yard.state.runs(_RUNS))]
    sizes = [weight for weight in yard.state.weights(time.time() - _YEAR) if weight.directory is None]
    return msgspec.structs.replace(told, history=history, sizes=sizes)


def rendered(told: Report, name: str) -> str:
    """Return the report's text in the format that the name of a file says: HTML, Markdown, JSON or plain text.

    Raises:
        ConfigurationError: a format that there is not.
    """
    form = _form(name)
    if form in {".html", ".htm"}:
        from dvornik.reports import html

        return html.page(told)
    if form in {".md", ".markdown"}:
        from dvornik.reports import markdown

        return "\n".join(markdown.lines(told)) + "\n"
    if form == ".json":
        out = io.StringIO()
        document.write(out, told)
        return out.getvalue()
    return "\n".join(text.report(told)) + "\n"


def _form(name: str) -> str:
    form = (Path(name).suffix or name).lower()
    if form.startswith(".") and form not in _FORMS:  # somebody who asks for .pdf must not find text in it
        raise ConfigurationError(
            _("A report is not written in this format."), context=name, hint=_("Name it .html, .md, .json or .txt.")
        )
    return form


def must_be_writable(path: str) -> None:
    """Raise ``ConfigurationError`` where no report could be written: before a run, not after it."""
    _form(path)
    target = Path(path)
    if target.is_dir() or not os.access(target if target.exists() else target.parent, os.W_OK):
        raise _unwritable(path, _("no such directory, or not ours to write to"))


def write(path: str, told: str) -> None:
    """Write a report to a file.

    Raises:
        ConfigurationError: the file cannot be opened.
        UnwrittenError: it cannot take the whole of it.
    """
    try:
        file = Path(path).open("w", encoding="utf-8")  # noqa: SIM115 - closed by the with below; only its errors are told here
    except OSError as error:
        raise _unwritable(path, of_system(error)) from error
    try:
        with file:
            file.write(told)
    except OSError as error:
        message = _("The report cannot be written: {error}").format(error=of_system(error))
        hint = _("Make room there; then: dvornik report -o FILE")
        raise UnwrittenError(message, context=path, hint=hint) from error


def tell_exposed(path: str, public: Collection[str]) -> None:
    """Warn where a web server may hand out a file that an operator asked for, with the lines that keep it from it."""
    if found := exposure("", path, public):
        complain(f"⚠️ {found.message}. {found.hint}")


def _unwritable(path: str, why: str | None) -> ConfigurationError:
    return ConfigurationError(
        _("The report cannot be written: {error}").format(error=why),
        context=path,
        hint=_("Name a file in a directory that you may write to."),
    )
