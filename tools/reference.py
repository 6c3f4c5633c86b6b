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
project's own, else that of the only Django project one directory below, or the file that `--config` or `DVORNIK_CONFIG`
names. Without one the defaults hold, and places are found by themselves: from Django's settings, from `DATABASE_URL`,
`UPLOAD_FOLDER` and their like (below; also in `.env`), and from folders with the usual names. `dvornik init` writes a
file with what was found (`--full`: with every setting); `dvornik config` shows what is under care.

Durations carry a unit (`"90s"`, `"24h"`, `"30d"`), and so do sizes (`"500 MB"`, `"1.5 GiB"`). Paths count from the
directory of the file. A password does not belong here: write `url = "${DATABASE_URL}"`, which the environment fills in,
else `.env` beside the file (not in a directory that everybody may write to). A misspelt key is an error.

An environment variable wins over the file: `DVORNIK_TEMP_OLDER_THAN=48h` is `older_than` of `[temp]`.
A list is written as in TOML.

Without Django, these variables are understood; Flask's may begin with `FLASK_`, as `app.config.from_prefixed_env()` has
it, and every database that is told of is read:

| variable | tells |
|---|---|
| `DATABASE_URL`, `SQLALCHEMY_DATABASE_URI` | a database; a file of SQLite may lie in Flask's `instance` |
| `SQLALCHEMY_DATABASE_URL`, `DATABASE_URI`, `DB_URL`, `DB_URI` | the same |
| `POSTGRES_URL`, `POSTGRESQL_URL`, `MYSQL_URL`, `MARIADB_URL` | the same |
| `SQLALCHEMY_BINDS` | further databases, as JSON |
| `POSTGRES_HOST` (or `_SERVER`), `POSTGRES_DB`, `…_USER`, `…_PASSWORD`, `…_PORT` | the same, without an address |
| `MYSQL_HOST` and `MYSQL_DATABASE`, `MARIADB_HOST` and `MARIADB_DATABASE` … | the same; nothing without a host |
| `DB_HOST`, `DB_DATABASE` or `DB_NAME`, `DB_USER`, `DB_PASSWORD` … | the same, beside `DB_CLIENT` (Directus) |
| `DB_CLIENT`, `DB_CONNECTION`, `DB_ENGINE` | which database: `pg`, `mysql`, `sqlite3` (in `DB_FILENAME`) … |
| `MEDIA_ROOT`, `UPLOAD_FOLDER`, `UPLOAD_DIR` | media, where a database is known; `MEDIA_URL` is the address |
| `CACHE_URL`, `CACHE_REDIS_URL`, `REDIS_URL` | the [cache](cache.md) |

An address of something that dvornik does not read (MongoDB) keeps all media: what lies there may refer to it.

This page is made from the program by `make reference`.

""",
    "ru": """\
# Настройки

dvornik читает ближайший `dvornik.toml` (или `[tool.dvornik]` в `pyproject.toml`), начиная с текущего каталога и до
каталога проекта, а если его нет — у единственного проекта Django одним каталогом ниже, либо файл, который называют
`--config` или `DVORNIK_CONFIG`. Без файла действуют значения по умолчанию, а места находятся сами: из настроек Django,
из `DATABASE_URL`, `UPLOAD_FOLDER` и подобных (ниже; в том числе в `.env`) и по каталогам с обычными именами.
`dvornik init` записывает файл с тем, что нашлось (`--full` — со всеми настройками); `dvornik config` показывает, что
обслуживается.

Срок пишется с единицей (`"90s"`, `"24h"`, `"30d"`), размер тоже (`"500 MB"`, `"1.5 GiB"`). Пути отсчитываются от
каталога файла. Паролю здесь не место: пишите `url = "${DATABASE_URL}"` — значение возьмётся из окружения, а если там
его нет, из `.env` рядом с файлом (но не в каталоге, куда может писать кто угодно). Опечатка в ключе — ошибка.

Переменная окружения важнее файла: `DVORNIK_TEMP_OLDER_THAN=48h` — это `older_than` из `[temp]`. Список
пишется как в TOML.

Без Django понимаются эти переменные; у Flask они могут начинаться с `FLASK_`, как для `app.config.from_prefixed_env()`;
читается каждая названная база:

| переменная | что говорит |
|---|---|
| `DATABASE_URL`, `SQLALCHEMY_DATABASE_URI` | база; файл SQLite может лежать в `instance` у Flask |
| `SQLALCHEMY_DATABASE_URL`, `DATABASE_URI`, `DB_URL`, `DB_URI` | то же |
| `POSTGRES_URL`, `POSTGRESQL_URL`, `MYSQL_URL`, `MARIADB_URL` | то же |
| `SQLALCHEMY_BINDS` | другие базы, в JSON |
| `POSTGRES_HOST` (или `_SERVER`), `POSTGRES_DB`, `…_USER`, `…_PASSWORD`, `…_PORT` | база, если адреса нет |
| `MYSQL_HOST` и `MYSQL_DATABASE`, `MARIADB_HOST` и `MARIADB_DATABASE` … | то же; без хоста они ничего не значат |
| `DB_HOST`, `DB_DATABASE` или `DB_NAME`, `DB_USER`, `DB_PASSWORD` … | то же, рядом с `DB_CLIENT` (Directus) |
| `DB_CLIENT`, `DB_CONNECTION`, `DB_ENGINE` | какая база: `pg`, `mysql`, `sqlite3` (в `DB_FILENAME`) … |
| `MEDIA_ROOT`, `UPLOAD_FOLDER`, `UPLOAD_DIR` | медиафайлы, если известна база; `MEDIA_URL` — адрес |
| `CACHE_URL`, `CACHE_REDIS_URL`, `REDIS_URL` | [кэш](cache.md) |

Адрес того, что dvornik не читает (MongoDB), оставляет все медиа на месте: на них может ссылаться то, что там лежит.

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
