"""Writes the manual pages, `docs/man/dvornik.1` and its Russian, from the commands themselves: `make reference`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dvornik import languages
from dvornik.cli.group import group, sections

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = {"en": ROOT / "docs/man/dvornik.1", "ru": ROOT / "docs/man/dvornik.ru.1"}
_COMMON: Final = frozenset({"config", "lang", "as_json", "debug", "help"})
"""Options of every verb."""
_DATE: Final = "2026-11-22"
"""Of the pages' plan, not of their last change: the same source gives the same bytes."""
_WORDS: Final = {
    "en": ("housekeeping for self-hosted web applications", "NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS",
           "COMMON OPTIONS", "EXIT STATUS", "FILES", "ENVIRONMENT", "OPTIONS", "COMMAND"),
    "ru": ("порядок в веб-приложениях на своём сервере", "ИМЯ", "КРАТКО", "ОПИСАНИЕ", "КОМАНДЫ",
           "ОБЩИЕ ПАРАМЕТРЫ", "КОД ВОЗВРАТА", "ФАЙЛЫ", "ОКРУЖЕНИЕ", "ПАРАМЕТРЫ", "КОМАНДА"),
}  # fmt: skip
_EXITS: Final = {
    "en": {0: "done", 1: "failed, or not healthy", 2: "usage or configuration", 3: "some items could not be removed",
           10: "refused by policy", 11: "another run is going on", 12: "something could not be reached",
           130: "interrupted"},
    "ru": {0: "готово", 1: "сбой, или нездорово", 2: "ошибка в команде или настройках", 3: "часть не удалось удалить",
           10: "отказ из осторожности", 11: "идёт другой запуск", 12: "что-то недоступно", 130: "прервано"},
}  # fmt: skip
_FILES: Final = {
    "en": {"dvornik.toml": "The configuration: looked for from the current directory up to the project's own.",
           ".dvornik/": "The state: record, plans, last success.",
           ".dvornik-quarantine/": "What undo brings back, beside or inside the directory of media.",
           "logs/maintenance.log": "The maintenance log."},
    "ru": {"dvornik.toml": "Настройки: ищутся от текущего каталога до каталога проекта.",
           ".dvornik/": "Состояние: история, планы, последний успех.",
           ".dvornik-quarantine/": "То, что вернёт undo: рядом с каталогом медиа или внутри него.",
           "logs/maintenance.log": "Журнал обслуживания."},
}  # fmt: skip
_VARIABLES: Final = {
    "en": {"DVORNIK_CONFIG": "The configuration file.", "DVORNIK_LANG": "The language: ru or en.",
           "DVORNIK_SECTION_KEY": "A setting of that section; wins over the file.",
           "NO_COLOR": "When set, the help has no colours."},
    "ru": {"DVORNIK_CONFIG": "Файл настроек.", "DVORNIK_LANG": "Язык: ru или en.",
           "DVORNIK_SECTION_KEY": "Настройка из этого раздела; важнее файла.",
           "NO_COLOR": "Если задана, справка без цветов."},
}  # fmt: skip


def page(language: str) -> str:
    """Return the page in ``language`` as roff, for ``man``."""
    languages.use(language)
    command = group()
    context = click.Context(command, info_name="dvornik")
    tagline, name, synopsis, description, commands, common, exits, files, variables, _options, word = _WORDS[language]
    lines = ['.\\" made by: make reference', f'.TH DVORNIK 1 "{_DATE}"', f".SH {name}", f"dvornik \\- {roff(tagline)}"]
    lines += [f".SH {synopsis}", ".B dvornik", f"\\fI{word}\\fR [\\fI{_options}\\fR]"]
    lines += [f".SH {description}", *_paragraphs(command.help or ""), ".PP", roff(command.epilog or "")]
    lines += [f".SH {commands}"]
    lines += _tagged({title: ", ".join(verbs) for title, verbs in sections().items()})
    for each in command.list_commands(context):
        lines += verb(context, each, command.get_command(context, each) or command)
    lines += [f".SH {common}", *_tagged(_records(context, command.get_command(context, "run") or command, common=True))]
    lines += [f".SH {exits}", *_tagged({str(code): text for code, text in _EXITS[language].items()})]
    lines += [f".SH {files}", *_tagged(_FILES[language])]
    lines += [f".SH {variables}", *_tagged(_VARIABLES[language])]
    return "\n".join(lines) + "\n"


def verb(above: click.Context, name: str, command: click.Command) -> Iterator[str]:
    """Yield the part of one verb, and of the verbs below it."""
    context = click.Context(command, info_name=name, parent=above)
    yield f".SS dvornik {roff(name)}"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\\fBdvornik {roff(name)}\\fR {roff(usage)}"
    yield ".PP"
    yield from _paragraphs(command.help or "")
    yield from _tagged(_records(context, command, common=False))
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            yield from verb(context, f"{name} {each}", command.get_command(context, each) or command)


def _records(context: click.Context, command: click.Command, *, common: bool) -> dict[str, str]:
    """Return the options, and what each does: those that every verb has, or those of this one alone."""
    found = [option for option in command.get_params(context) if (option.name in _COMMON) is common]
    records = [option.get_help_record(context) for option in found]
    return dict(record for record in records if record and record[1])


def _paragraphs(text: str) -> list[str]:
    return "\n.PP\n".join(roff(" ".join(part.split())) for part in text.split("\n\n")).split("\n")


def _tagged(rows: dict[str, str]) -> Iterator[str]:
    for name, text in rows.items():
        yield ".TP"
        yield f"\\fB{roff(name)}\\fR"
        yield roff(text or "")


def roff(text: str) -> str:
    """Return ``text`` such that roff prints it and takes none of it for an order."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("\ufe0f", "")
    return re.sub(r"^(?=[.'])", r"\\&", safe, flags=re.MULTILINE)


def main() -> None:
    """Write both pages."""
    for language, target in PAGES.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
