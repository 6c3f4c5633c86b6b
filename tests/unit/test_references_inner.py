"""The table of names and the scanner in C against their reference: it may strike more, and never less."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvornik.references import derivatives, keys
from dvornik.references import names as names_module
from dvornik.references.derivatives import _tells
from dvornik.references.names import Names
from dvornik.references.tokens import fold
from tests.unit.test_references_names import ENCODINGS, NAMES, NASTY

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

pytestmark = pytest.mark.skipif(not keys.inner, reason="no compiler built the extension")

CONTAINERS = ["", "a", "photos/2024", "2024/01", "album one/sub", "Альбом/летний", "a.b/c_d-e", "a/b/c/u00e9clair"]
PIECES = st.one_of(
    st.sampled_from(
        [
            "\n",
            " ",
            "/",
            ".",
            "_",
            "-",
            "%20",
            "&amp;",
            "\\u0444",
            "\\/",
            "&nbsp;",
            "\\n",
            "«",
            "», ",
            "é",
            "x",
            "/.",
            "/./",
            "/..",
            "..",
        ]
    ),
    st.sampled_from(
        [".jpg", "/media/", "(", "'", "и т.д. ", "-300x200", "U+2126: Ω", "K", "ſ", "ﬁ", "e\u0301", "写真", "🎉"]
    ),
    st.text(max_size=6),
)
SPELT = st.builds(lambda name, how: ENCODINGS[how](name), NAMES, st.sampled_from(sorted(ENCODINGS)))


def _used(
    inner: ModuleType | None, listed: Sequence[tuple[str, str]], cells: Sequence[bytes], values: Sequence[str] = ()
) -> set[tuple[str, str]]:
    """Return what is named, by one of the two."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "inner", inner)
        names = Names("/srv/media", "https://example.org/media/")
        for container, name in listed:
            names.add(container, [name])
        names.strike_paths(values)
        names.strike_texts(cells)
        unused = {(container, name) for container, name in listed if names.unused(container, [name])}
        assert {each for each in listed if not names.is_used(*each)} == unused
        assert all(names.lists(*each) for each in listed)
        return set(listed) - unused


def _compare(listed: Sequence[tuple[str, str]], cells: Sequence[bytes], values: Sequence[str] = ()) -> None:
    less = _used(None, listed, cells, values) - _used(keys.inner, listed, cells, values)
    assert not less


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_whatever_the_reference_finds_in_a_text_is_found(data: st.DataObject) -> None:
    listed = data.draw(st.lists(st.tuples(st.sampled_from(CONTAINERS), NAMES), min_size=1, max_size=4))
    own = st.sampled_from(listed).map(lambda file: f"{file[0]}/{file[1]}")
    words = st.one_of(PIECES, st.sampled_from(CONTAINERS), st.sampled_from([name for _where, name in listed]), own)
    told = st.lists(st.one_of(words, SPELT), max_size=8).map("".join)
    codec = data.draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-16-le", "cp1251"]))
    texts = data.draw(st.lists(told, min_size=1, max_size=3))
    if data.draw(st.booleans()):
        texts = [normalize("NFD", text) for text in texts]
    _compare(listed, [text.encode(codec, "replace") for text in texts])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CONTAINERS), NAMES), min_size=1, max_size=4), st.data())
def test_whatever_the_reference_finds_as_a_value_is_found(listed: list[tuple[str, str]], data: st.DataObject) -> None:
    path = st.sampled_from(listed).map(lambda file: f"{file[0]}/{file[1]}".lstrip("/"))
    before = st.sampled_from(["", "/", "./", "media/", "/srv/media/", "https://example.org/media/", " "])
    _compare(listed, [], data.draw(st.lists(st.builds(str.__add__, before, st.one_of(path, SPELT)), max_size=4)))


@pytest.mark.parametrize("container", ["photos/2024", "a/b.c", "a/b.", "Альбом/летний", "a/b/c/u00e9clair"])
@pytest.mark.parametrize(
    "end", ["", "/", "/.", "/./", "//", "/././.", ".", "...", "\\.", "/. Then", "/.\n", "/..", "/../x"]
)
def test_a_directory_is_named_with_or_without_what_means_the_same(container: str, end: str) -> None:
    listed = [(container, "zz.bin"), ("", "other.bin")]
    for before in ("see ", "cp -r media/", "/srv/media/", "«", ""):
        cells = [f"{before}{container}{end}".encode(), b"x"]
        _compare(listed, cells)
        if ".." not in end + container and not (container.endswith(".") and end[:1] == "."):
            assert _used(None, listed, cells) == _used(keys.inner, listed, cells) == {listed[0]}, cells


def test_what_lies_beside_a_directory_is_not_the_directory() -> None:
    for text in (b"photos/2024/.hidden", b"photos/2024.jpg", b"photos/2024/.x/", b"photos/2024-1"):
        assert not _used(keys.inner, [("photos/2024", "zz.bin")], [text])
        assert not _used(None, [("photos/2024", "zz.bin")], [text])


@pytest.mark.parametrize("name", NASTY)
def test_a_nasty_name_is_found_as_the_whole_of_a_cell_and_in_capitals(name: str) -> None:
    for text in (name, name.upper(), f"«{name}»", f"x {name}.", name.rpartition(".")[0]):
        _compare([("", name), ("2024/01", name)], [text.encode("utf-8", "surrogateescape")])


def test_letters_that_fold_to_shorter_ones_are_seen() -> None:
    """All of Unicode's: what the scanner takes for a mere delimiter folds to nothing that it looks for."""
    letters = [chr(number) for number in range(0x800, sys.maxunicode) if not 0xD800 <= number < 0xE000]
    short = [each for each in letters if any(letter.isalnum() and ord(letter) < 0x800 for letter in fold(each))]
    assert short
    for each in short:
        names = Names()
        names.add("", [f"{fold(each)} z.jpg"])
        names.strike_texts([f"see {each} and z.jpg".encode()])
        assert names.is_used("", f"{fold(each)} z.jpg"), hex(ord(each))


def test_a_word_is_handed_over_again_once_all_is_forgotten() -> None:
    names = Names()
    names.add("", ["фото 1.jpg"])
    for _round in range(2):
        names.strike_texts([b"%D1%84%D0%BE%D1%82%D0%BE%201.jpg"])
        assert names.is_used("", "фото 1.jpg")
        names.forget()
    assert not names.is_used("", "фото 1.jpg")


@given(NAMES)
def test_whatever_may_be_a_thumbnail_is_told(name: str) -> None:
    assert keys.inner
    assert not _tells(name) or keys.inner.telling([name])


@pytest.mark.parametrize(
    "name", ["a-300x200.jpg", "a.b.jpg", "800w.png", "a__x.jpg", "a@2x.png", "a.WEBP", "x-e1234567890.jpg"]
)
def test_a_thumbnail_is_told(name: str) -> None:
    assert derivatives.candidates("a", [name, "holiday_17.jpg"]) == [name]


def test_names_are_added_before_any_is_looked_up() -> None:
    names = Names()
    names.add("", ["a.jpg"])
    names.strike_texts([b"a.jpg"])
    with pytest.raises(RuntimeError):
        names.add("", ["b.jpg"])


@pytest.mark.parametrize("inner", [None, keys.inner])
def test_a_path_that_a_long_text_happens_to_be_cut_in_names_no_directory(
    inner: ModuleType | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "inner", inner)
    names = Names("", "/media/")
    names.add("photos/2024", ["a.jpg"])
    begin = names_module._SLICE - len("<img src=/media/photos/")
    names.strike_texts([b"x" * 9 + b" " * (begin - 9) + b"<img src=/media/photos/2024/b.jpg>" + b" y" * 9])
    assert not names.is_used("photos/2024", "a.jpg")


@given(st.lists(st.text("ab-_.1", min_size=1, max_size=6), max_size=40), st.sampled_from(CONTAINERS))
def test_no_name_that_belongs_to_another_is_passed_over(found: list[str], container: str) -> None:
    found = [name for name in dict.fromkeys(found) if name not in {".", ".."}]
    names = Names()
    names.add(container, found)
    names.strike_texts([name.encode() for name in found[::2]])
    unused = names.unused(container, found)
    told = set(names.akin(container, unused))
    assert [name for name in unused if name not in told and names.companions.of(container, name)] == []


@given(st.lists(st.binary(max_size=3)), st.lists(st.binary(max_size=3)))
def test_keys_tell_what_was_added_twice_and_how_many_are_marked_in_both_kinds(
    added: list[bytes], marked: list[bytes]
) -> None:
    told = []
    for table in (keys.new_keys(), keys.PlainKeys()):
        table.add_all(added)
        table.mark_all(marked)
        told.append(([table.again(key) for key in added], table.marked()))
    assert told[0][0] == told[1][0] == [added.count(key) > 1 for key in added]
    assert told[0][1] == len(set(added) & set(marked))
