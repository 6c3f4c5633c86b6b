"""Writes the published JSON Schemas, `docs/schema/*.json`, from the types: `make reference`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from dvornik.reports.schemas import FILES, SCHEMAS

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "schema"


def text(name: str) -> str:
    """Return one of them as its file holds it."""
    return json.dumps(SCHEMAS[name](), indent=1) + "\n"


def main() -> None:
    """Write all."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, file in FILES.items():
        (TARGET / file).write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
