"""The words: every sentence has its Russian, in every plural form, and the contract's lines come out to the letter."""

from __future__ import annotations

import os
import string
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from dvornik import languages
from dvornik.model import Gate, Reason
from dvornik.reports import text, words
from dvornik.result import Result
from tools import messages

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = messages.LOCALE / "ru/LC_MESSAGES/dvornik.po"
PAPER = {1: 0, 2: 1, 3: 1, 5: 2, 11: 2, 12: 2, 21: 0, 22: 1, 101: 0, 111: 2, 112: 2, 0: 2}
"""Counts and the plural form that Russian has for each."""
FORMS = {
    "temp/old": ("📁 Удалён {n} временный файл", "📁 Удалено {n} временных файла", "📁 Удалено {n} временных файлов"),
    "logs/old": (
        "📄 Очищен {n} старый лог-файл",
        "📄 Очищено {n} старых лог-файла",
        "📄 Очищено {n} старых лог-файлов",
    ),
    "media/orphan": (
        "🗂️ Удалён {n} неиспользуемый медиа файл",
        "🗂️ Удалено {n} неиспользуемых медиа файла",
        "🗂️ Удалено {n} неиспользуемых медиа файлов",
    ),
    "sessions/expired": (
        "🔑 Удалена {n} истёкшая сессия",
        "🔑 Удалено {n} истёкшие сессии",
        "🔑 Удалено {n} истёкших сессий",
    ),
}


@pytest.fixture(autouse=True)
def _language_of_before() -> Iterator[None]:
    before, told = languages.current(), os.environ.get("LANGUAGE")
    yield
    languages.use(before)
    os.environ.pop("LANGUAGE", None)
    if told is not None:
        os.environ["LANGUAGE"] = told


def fields(template: str) -> set[str]:
    """Return the placeholders of a sentence."""
    return {f"{name}!{conversion}" for _, name, _, conversion in string.Formatter().parse(template) if name}


def test_every_message_of_the_source_is_in_the_catalogue_and_none_is_obsolete() -> None:
    said = {message.id for message in messages.template() if message.id}
    known = messages.read(SOURCE)
    assert {message.id for message in known if message.id} == said, "run: make messages"
    assert not known.obsolete


def test_every_message_is_translated_in_every_form_with_its_placeholders() -> None:
    for message in messages.read(SOURCE):
        english = [message.id] if isinstance(message.id, str) else list(message.id)
        russian = [message.string or ""] if isinstance(message.string, str | None) else list(message.string)
        if english == [""]:
            continue
        assert all(russian), english
        assert len(russian) == (1 if len(english) == 1 else 3), english
        assert not message.fuzzy, english
        assert fields(russian[0]) in (fields(english[0]), fields(english[-1])), english
        assert all(fields(form) == fields(english[-1]) for form in russian[1:]), english


def test_the_catalogue_is_as_make_messages_writes_it() -> None:
    known = messages.read(SOURCE)
    assert SOURCE.read_bytes() == messages.written(known)
    assert SOURCE.with_suffix(".mo").read_bytes() == messages.compiled(known)


@pytest.mark.parametrize("rule", sorted(FORMS))
@pytest.mark.parametrize("count", sorted(PAPER))
def test_counts_take_the_plural_form_that_russian_has_for_them(rule: str, count: int) -> None:
    languages.use("ru")
    assert words.did(rule, count) == FORMS[rule][PAPER[count]].format(n=count)


def test_the_lines_of_the_contract_come_out_to_the_letter() -> None:
    languages.use("ru")
    result = Result("run", "run", ("temp", "logs", "media", "database"))
    for rule, count in (("temp/old", 15), ("logs/old", 3), ("media/orphan", 7), ("database/optimise", 1)):
        result.total(rule).done = count
    lines = [text.opening(dry=False)]
    for name in ("temp", "logs", "media", "database"):
        lines += text.step(name, result, dry=False)
    lines.append(text.closing(result, dry=False))
    assert lines == [
        "🧹 Начинаем очистку системы...",
        "📁 Удалено 15 временных файлов",
        "📄 Очищено 3 старых лог-файла",
        "🗂️ Удалено 7 неиспользуемых медиа файлов",
        "🗄️ Оптимизирована база данных",
        "✅ Очистка завершена успешно!",
    ]


def test_in_english_one_is_singular_and_the_rest_is_plural() -> None:
    languages.use("en")
    assert words.did("temp/old", 1) == "📁 Removed 1 temporary file"
    assert [words.did("temp/old", n) for n in (0, 2, 21)] == [f"📁 Removed {n} temporary files" for n in (0, 2, 21)]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_reason_and_gate_has_words(language: str) -> None:
    languages.use(language)
    assert all(words.reason(reason) for reason in Reason)
    assert all(words._GATES[gate]() for gate in Gate if gate is not Gate.BACKUP)
    if language == "ru":
        assert not [reason for reason in Reason if words.reason(reason).isascii()]


@pytest.mark.parametrize(
    ("language", "said"), [("ru", "Нет такого параметра: '--nope'."), ("en", "No such option '--nope'.")]
)
def test_click_speaks_the_chosen_language(language: str, said: str) -> None:
    languages.use(language)
    ran = CliRunner().invoke(click.Command("x"), ["--nope"])
    assert said in ran.output
    assert ("Использование:" in ran.output) == (language == "ru")
