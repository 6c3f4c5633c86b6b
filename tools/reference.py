"""Writes the pages of the settings, `docs/*/configuration.md`, from the settings' own types: `make reference`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from dvornik import languages
from dvornik.config.overrides import table_type
from dvornik.config.sample import reference
from dvornik.config.sections import Config
from dvornik.config.values import description

ROOT = Path(__file__).resolve().parent.parent
HEADS: Final = {
    "en": """\
# Configuration

dvornik reads the nearest `dvornik.toml` (or `[tool.dvornik]` of `pyproject.toml`) from the current directory up to the
project's own, or the file that `--config` or `DVORNIK_CONFIG` names. Without one the defaults hold, and places are
found by themselves: from Django's settings, from `DATABASE_URL`, `MEDIA_ROOT`, `MEDIA_URL` and `REDIS_URL` (also in
`.env`), and from folders with the usual names. `dvornik init` writes a file with every setting explained;
`dvornik config` shows what is under care.

Durations carry a unit (`"90s"`, `"24h"`, `"30d"`), and so do sizes (`"500 MB"`, `"1.5 GiB"`). Paths count from the
directory of the file. A password does not belong here: write `url = "${DATABASE_URL}"`. A misspelt key is an error.

An environment variable wins over the file: `DVORNIK_TEMP_OLDER_THAN=48h` is `older_than` of `[temp]`.
A list is written as in TOML.

This page is made from the program by `make reference`.

""",
    "ru": """\
# Настройки

dvornik читает ближайший `dvornik.toml` (или `[tool.dvornik]` в `pyproject.toml`), начиная с текущего каталога и до
каталога проекта, либо файл, который называют `--config` или `DVORNIK_CONFIG`. Без файла действуют значения по
умолчанию, а места находятся сами: из настроек Django, из `DATABASE_URL`, `MEDIA_ROOT`, `MEDIA_URL` и `REDIS_URL` (в том
числе в `.env`) и по каталогам с обычными именами. `dvornik init` записывает файл, где пояснена каждая настройка;
`dvornik config` показывает, за чем следим.

Срок пишется с единицей (`"90s"`, `"24h"`, `"30d"`), размер тоже (`"500 MB"`, `"1.5 GiB"`). Пути отсчитываются от
каталога файла. Паролю здесь не место: пишите `url = "${DATABASE_URL}"`. Опечатка в ключе — ошибка.

Переменная окружения важнее файла: `DVORNIK_TEMP_OLDER_THAN=48h` — это `older_than` из `[temp]`. Список
пишется как в TOML.

Эта страница создаётся из самой программы: `make reference`.

""",
}
WORDS: Final = (
    "key", "value", "default", "meaning", "In the environment", "needed", "found",
    "duration", "size", "true or false", "number", "text", "list of texts",
)  # fmt: skip


@cache
def sentences() -> list[str]:
    """Return all that the page says besides names and values, the longest first."""
    said: set[str] = set(re.findall(r"^(?![#|\s]|In the env)(.+)$", reference(), re.MULTILINE))
    for section in msgspec.structs.fields(Config):
        named = table_type(section.type)
        said |= {description(item.type) for item in msgspec.structs.fields(named or section.type)}
    return sorted(said, key=lambda text: (-len(text), text))


def page(language: str) -> str:
    """Return the page in ``language``."""
    languages.use(language)
    lines = [_translated(line) for line in reference().rstrip("\n").split("\n")]
    return HEADS[language] + "\n".join(lines) + "\n"


def _translated(line: str) -> str:
    if line.startswith("|"):
        return "|".join(_cell(cell) for cell in line.split("|"))
    name, colon, rest = line.partition(":")
    return languages._(name) + colon + rest if name == "In the environment" else _cell(line)


def _cell(cell: str) -> str:
    text = cell.strip()
    if text in WORDS:
        return cell.replace(text, languages._(text))
    said = next((each for each in sentences() if text.startswith(each)), "")
    return cell.replace(said, languages._(said)) if said else cell


def main() -> None:
    """Write both pages."""
    for language in HEADS:
        target = ROOT / "docs" / language / "configuration.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
