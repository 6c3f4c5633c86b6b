"""Keeps the translations in step with the source: `make messages`.

Extracts what `_()` and `ngettext()` say in `src/`, what click says of itself and what the settings say of themselves;
merges it into every catalogue without guessing, drops what nobody says any more, and compiles. The same source gives
the same bytes.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tools.reference import WORDS, sentences

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "src/dvornik/locale"
KEYWORDS = {"_": None, "ngettext": (1, 2)}


def template() -> Catalog:
    """Return every message that this program can say, without a translation."""
    said = Catalog(charset="utf-8")
    for tree in (ROOT / "src/dvornik", Path(click.__file__).parent):
        for _file, _line, message, _comments, _context in extract_from_dir(
            tree, [("**.py", "python")], keywords=KEYWORDS
        ):
            said.add(message)
    for message in (*WORDS, *sentences()):
        said.add(message)
    return said


def read(source: Path) -> Catalog:
    """Return the catalogue in a `.po` file."""
    with source.open("rb") as file:
        return read_po(file, locale=source.parent.parent.name)


def compiled(catalogue: Catalog) -> bytes:
    """Return the catalogue as a `.mo` file."""
    buffer = io.BytesIO()
    write_mo(buffer, catalogue)
    return buffer.getvalue()


def written(catalogue: Catalog) -> bytes:
    """Return the catalogue as a `.po` file, in the order of the messages and without line numbers, which only churn."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=120, no_location=True, sort_output=True, ignore_obsolete=True)
    return buffer.getvalue()


def main() -> str | None:
    """Bring all catalogues into step; return what is still to be translated."""
    missing: list[str] = []
    for source in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        catalogue = read(source)
        catalogue.update(template(), no_fuzzy_matching=True, update_creation_date=False)
        source.write_bytes(written(catalogue))
        source.with_suffix(".mo").write_bytes(compiled(catalogue))
        for message in catalogue:
            texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
            if message.id and not all(texts):
                missing.append(f"{source.relative_to(ROOT)}: {message.id!r}")
    return "\n".join(["Still to be translated:", *missing]) if missing else None


if __name__ == "__main__":
    sys.exit(main())
