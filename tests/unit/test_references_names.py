"""Names and texts: what names a file in any way keeps it; what nothing names stays unseen."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dvornik.references.names import Names
from dvornik.references.tokens import spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def used(name: str, *cells: str | bytes, container: str = "articles") -> bool:
    """List ``name`` among others, read the cells, and tell whether it is used."""
    names = Names("/srv/media", "/media/")
    names.add(container, [name])
    names.add("other", ["unrelated-file.pdf", "another_one.png"])
    names.strike_texts(cells)
    return names.is_used(container, name)


def dumps(text: str) -> str:
    """Write as JSON with nothing but ASCII."""
    return json.dumps(text)


def dumps_utf8(text: str) -> str:
    """Write as JSON in UTF-8."""
    return json.dumps(text, ensure_ascii=False)


def _styled(text: str, form: str) -> str:
    """Escape as stylesheets are: whatever is no ASCII letter or digit."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda match: "\\" + form.format(ord(match[0])), text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper": str.upper,
    "lower": str.lower,
    "nfd": lambda text: normalize("NFD", text),
    "nfc": lambda text: normalize("NFC", text),
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "plus": lambda text: quote(text, safe="").replace("%20", "+"),
    "html": html.escape,
    "html numbers": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "json": dumps,
    "json twice": lambda text: dumps(dumps(text)),
    "json utf-8": dumps_utf8,
    "json utf-8 twice": lambda text: dumps_utf8(dumps_utf8(text)),
    "json in html": lambda text: html.escape(dumps(text)),
    "json slashes": lambda text: dumps("/media/" + text).replace("/", "\\/"),
    "percent in json in html": lambda text: html.escape(dumps("https://host/m/" + quote(text))),
    "html in json": lambda text: dumps('<img src="' + html.escape(text) + '">'),
    "css": lambda text: _styled(text, "{:x} "),
    "css of six digits": lambda text: _styled(text, "{:06X}"),
    "css in json": lambda text: dumps(_styled(text, "{:x} ")),
    "css in html": lambda text: html.escape(_styled(text, "{:x} ")),
    "nfd percent": lambda text: quote(normalize("NFD", text)),
}
PLACES: dict[str, str] = {
    "alone": "{}",
    "sentence": "See {}. Then go on.",
    "line start": "first line\n{}\nlast line",
    "brackets": "({})",
    "quotes": "«{}»",
    "curly quotes": "“{}”",
    "no-break space": "a\u00a0{}\u00a0b",
    "dash": "раз—{}—два",
    "ideographic space": "写真\u3000{}\u3000見る",
    "address": "https://cdn.example.com:8443/media/articles/{}?v=1&w=2#top",
    "attribute": '<p><img alt="" src="/media/articles/{}"></p>',
    "source set": '<img srcset="/media/{} 1x, /media/x@2x.jpg 2x">',
    "markdown": "![a picture](/media/{})",
    "italic": "_{}_",
    "bold": "**{}**",
    "style": "background:url({})",
    "backslashes": "C:\\uploads\\articles\\{}",
    "settings": "file://pub/{}",
    "prefix": "thumb_{}",
    "appended": "{}.200x200_q85.jpg",
}

ALPHABET = st.one_of(
    st.sampled_from("abcXYZ019 .-_%&+#'\"()[]{},;=@~!$^`<>\\\n\t?:|*"),
    st.sampled_from("фотоЁйìéßµİıñ写真🎉«—\u00a0\u200bе\u0301\u0306"),
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
)
NAMES = st.builds(
    str.__add__,
    st.text(ALPHABET, min_size=1, max_size=30),
    st.sampled_from([".jpg", ".tar.gz", "", ".JPEG", ".документ"]),
)


@settings(deadline=None)  # a loaded machine is no failure
@given(NAMES, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(PLACES)))
def test_a_name_is_found_in_any_spelling_at_any_place(name: str, encoding: str, place: str) -> None:
    assume(spellings(name))
    if encoding == "upper":
        assume(normalize("NFC", name) == name)
    assert used(name, PLACES[place].format(ENCODINGS[encoding](name)))


@settings(deadline=None)
@given(NAMES, st.sampled_from(sorted(ENCODINGS)), st.sampled_from(sorted(ENCODINGS)))
def test_a_name_is_found_under_two_layers_of_escapes(name: str, inner: str, outer: str) -> None:
    assume(spellings(name))
    assume("upper" not in {inner, outer})
    assume("css" not in inner + outer)  # a space that ends an escape must not be escaped itself; json and html: above
    assert used(name, "<p>" + ENCODINGS[outer](ENCODINGS[inner](name)) + "</p>")


NASTY = [
    "my photo.jpg",
    "a%20b.jpg",
    "a%20ф.jpg",
    "Tom &amp; Jerry.png",
    "R&D.pdf",
    "c++ notes.txt",
    "track #1.mp3",
    "it's.jpg",
    'say "hi".jpg',
    "[draft] (1).docx",
    "a, b; c.jpg",
    "🎉 party.jpg",
    "line\nbreak.jpg",
    "é" * 125 + ".jpg",
    "x" * 251 + ".jpg",
    "Отчёт за 2024 год.docx",
    "photo (1).jpg",
    "README",
    "d41d8cd98f00b204e9800998ecf8427e",
    "..strange..jpg",
    "_private_.jpg",
    "写真.jpg",
    "50%.jpg",
    "back\\slash.jpg",
    "naïve\u0301.png",
]


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
def test_a_nasty_name_is_found_in_every_place(name: str, encoding: str) -> None:
    for place in PLACES.values():
        assert used(name, place.format(ENCODINGS[encoding](name))), place


SHAPES = [
    ("my pic.png", "https://host/media/my%20pic.png?x=1"),
    ("x.png", r'{"src": "\/media\/x.png"}'),
    ("x.png", dumps(dumps({"a": dumps({"src": "/media/x.png"})}))),  # type: ignore[arg-type]
    ("x.png", "file://pub/x.png"),
    ("photo.jpg", '"\\nphoto.jpg"'),
    ("photo.jpg", "photo.jpg at the start"),
    ("photo.jpg", "the end is photo.jpg."),
    ("photo.jpg", "[photo.jpg]"),
    ("photo.jpg", "/var/www/site/media/2024/01/photo.jpg"),
    ("photo.jpg", "PHOTO.JPG"),
    ("Photo.JPG", "photo.jpg"),
    ("йод.jpg", normalize("NFD", "йод.jpg")),
    (normalize("NFD", "йод.jpg"), "йод.jpg"),
    ("a", "./a"),
    ("b", "a//b"),
    ("b.txt", "a\\b.txt"),
    ("my_photo_1.jpg", "![](my\\_photo\\_1.jpg)"),
    ("фото.jpg", "%u0444%u043e%u0442%u043e.jpg"),
    ("фото.jpg", r"'\xd1\x84\xd0\xbe\xd1\x82\xd0\xbe.jpg'"),
    ("photo.jpg", 's:9:"photo.jpg";'),
    ("фото.jpg", quote_from_bytes("фото.jpg".encode("cp1251"))),
    ("фото.jpg", "фото.jpg".encode("cp1251")),
    ("фото.jpg", "фото.jpg".encode()),
    ("photo.jpg", "请看photo.jpgを見る"),
    ("写真.jpg", "看写真.jpg。"),
    ("photo.jpg", "файлphoto.jpg"),
    ("photo.png", "data:image/png;base64," + "iVBORw0KGgo" * 40_000 + " photo.png"),
    ("café.jpg", "caf&eacute;.jpg"),
    ("0.¹0:.jpg", "/media/0.¹0:.jpg"),
    ("[x]+(1).jpg", "/media/[x]+(1).jpg"),
    ("эмодзи 🎉.jpg", dumps("эмодзи 🎉.jpg")),
]


@pytest.mark.parametrize(("name", "cell"), SHAPES)
def test_the_shapes_of_the_accidents_keep_their_file(name: str, cell: str | bytes) -> None:
    assert used(name, cell)


@pytest.mark.parametrize("raw", [b"caf\xe9.jpg", b"\xf4\xee\xf2\xee.jpg", b"\xff\xfe\x80 x\xe9.jpg"])
def test_a_name_that_is_not_utf8_is_found_in_its_usual_spellings(raw: bytes) -> None:
    name = os.fsdecode(raw)
    cells: Sequence[str | bytes] = [
        b"<p>" + raw + b"</p>",
        "/media/" + quote_from_bytes(raw),
        raw.decode("latin-1"),
        raw.decode("cp1251", "replace"),
        json.dumps(name),
        raw.decode("utf-8", "replace"),
    ]
    assert [cell for cell in cells if not used(name, cell)] == []


@settings(deadline=None)
@given(st.lists(st.from_regex(r"[a-wyz]{4,8}", fullmatch=True), max_size=20), st.sampled_from(sorted(ENCODINGS)))
def test_a_name_whose_token_occurs_nowhere_stays_unseen(words: list[str], encoding: str) -> None:
    text = ENCODINGS[encoding](" ".join(words) + " photo.jpg и слова.")
    assert not used("orphan-xx1.jpg", text)
    assert not used("снимок xx1 (2).jpg", text)


@pytest.mark.parametrize(
    "cell", ["photo.jpeg", "photo.jp", "myphoto.jpg", "photo.jpgs", "hoto.jpg", "photo jpg", "photo-jpg"]
)
def test_what_only_resembles_a_name_does_not_keep_it(cell: str) -> None:
    assert not used("photo.jpg", cell)


@pytest.mark.parametrize("name", ["{}.jpg", "image-{}-my photo.jpg", "Image-{}-s.JPG", "{}.metadata.json", "{}_1.jpg"])
@pytest.mark.parametrize("spell", ["{}", "see {} there", '<img data-key="{}">', '{{"key": "{}", "n": 1}}'])
def test_a_uuid_means_the_file_whose_name_holds_it_wherever_it_stands(name: str, spell: str) -> None:
    uuid, other = "1957b886-ea7c-4f70-b322-0eb4db5deadb", "aff5b60a-5297-4588-b008-619763099456"
    for around in ("", " and so on" * 1000):
        assert used(name.format(uuid), spell.format(uuid.upper()) + around)
        assert used(name.format(uuid), (spell.format(uuid) + around).encode())
        assert not used(name.format(other), spell.format(uuid) + around)


def test_a_uuid_without_dashes_is_found_in_a_long_list() -> None:
    listed = [f"{number:032x}" for number in range(10**30, 10**30 + 200)]
    assert used(f"{listed[100]}.jpg", json.dumps(listed))
    assert not used(f"{10**31:032x}.jpg", json.dumps(listed))


@pytest.mark.parametrize("length", [32, 40, 64])
@pytest.mark.parametrize("ending", ["", ".jpg"])
def test_a_digest_means_the_file_whose_path_it_is_cut_into(length: int, ending: str) -> None:
    digest = ("c0ffee0123456789" * 4)[:length]
    for container, name in ((f"a/{digest[:2]}", digest[2:]), (f"lfs/{digest[:2]}/{digest[2:5]}", digest[5:])):
        for cell in (digest, digest.upper().encode(), json.dumps({"oid": digest}) + " and so on" * 300):
            assert used(name + ending, cell, container=container)
        assert used(name + ending, b"\0\xff", bytes.fromhex(digest), container=container)
        assert not used(name + ending, digest[:-1] + "f", container=container)


def test_a_name_of_punctuation_alone_cannot_be_searched() -> None:
    assert not Names.is_searchable("___")
    assert not Names.is_searchable("🎉")
    assert Names.is_searchable("a")


def test_a_name_is_found_wherever_it_lies_in_a_huge_cell() -> None:
    for offset in (0, 262_140, 262_144 - 8_192, 262_150, 500_000):
        assert used("фото на память.jpg", "я" * offset + " " + quote("фото на память.jpg") + " " + "b" * 300_000)
        assert used("photo.jpg", b"\0" * offset + b" photo.jpg" + b"\xff" * 300_000)


def test_cells_that_were_cut_within_a_character_are_read_like_others() -> None:
    cut = "Подпись".encode()[:-1]
    assert used("photo.jpg", cut, b"see photo.jpg", cut[1:])


@pytest.mark.parametrize("before", ["", "x ", "see \\u0444: "])
def test_a_name_that_is_nothing_but_escapes_is_found_at_the_very_end(before: str) -> None:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in "photo+1.jpg")
    assert used("photo+1.jpg", (before + escaped).encode())


def test_a_huge_word_of_names_is_read_in_reasonable_time() -> None:
    assert used("b.jpg", "a.jpg." * 50_000 + "b.jpg")
    assert not used("c.jpg", "a.jpg%20" * 50_000)
    assert not used("c.jpg", "\\" * 200_000 + "%" * 200_000 + "&" * 200_000)


def test_texts_of_odd_alphabets_fold_like_names() -> None:
    for name in ("straße.jpg", "STRASSE.JPG", "µ.jpg", "Ώρα.png", "ẞ.gif", "ﬃ.jpg", "Ǆ.jpg"):
        for text in (name, name.upper(), name.lower(), name.casefold(), name + " и фото é"):
            assert used(name, text), (name, text)


# -- exact columns ---------------------------------------------------------------------------------------------------


def listed() -> Names:
    """Make a small listing with two files of one name."""
    names = Names("/srv/app/media", "https://cdn.example.com/media/")
    names.add("", ["root.jpg"])
    names.add("2024", ["photo.jpg", "с пробелом.jpg", "100%.jpg"])
    names.add("2025", ["photo.jpg", "what?.jpg"])
    names.add("gallery/summer", ["one.jpg", "two.jpg"])
    names.add("my gallery/v 1.0", ["three.jpg"])
    return names


@pytest.mark.parametrize(
    "value",
    [
        "2024/photo.jpg",
        "./2024//photo.jpg",
        "2024\\photo.jpg",
        "/2024/photo.jpg",
        " 2024/photo.jpg\n",
        "/media/2024/photo.jpg",
        "/srv/app/media/2024/photo.jpg",
        "https://cdn.example.com/media/2024/photo.jpg?v=1#x",
        "//other.host/media/2024/PHOTO.jpg",
        "2024/%70hoto.jpg",
        "x/../2024/photo.jpg",
    ],
)
def test_an_exact_value_strikes_its_file_and_no_other(value: str) -> None:
    names = listed()
    names.strike_paths([value])
    assert names.is_used("2024", "photo.jpg")
    assert names.unused("2025", ["photo.jpg"]) == ["photo.jpg"]
    assert (names.references, names.found, names.missing) == (1, 1, 0)


@pytest.mark.parametrize(
    ("value", "container", "name"),
    [
        ("2024/с%20пробелом.jpg", "2024", "с пробелом.jpg"),
        (normalize("NFD", "2024/с пробелом.jpg"), "2024", "с пробелом.jpg"),
        ("2024/100%.jpg", "2024", "100%.jpg"),
        ("2025/what?.jpg", "2025", "what?.jpg"),
        ("root.jpg", "", "root.jpg"),
    ],
)
def test_an_exact_value_may_be_escaped_or_hold_signs(value: str, container: str, name: str) -> None:
    names = listed()
    names.strike_paths([value])
    assert names.is_used(container, name)
    assert names.found == 1


def test_a_value_that_is_not_listed_counts_as_missing_and_strikes_by_name() -> None:
    names = listed()
    names.strike_paths(["elsewhere/photo.jpg"])
    assert (names.found, names.missing, names.missing_sample) == (0, 1, ["elsewhere/photo.jpg"])
    assert names.is_used("2024", "photo.jpg")
    assert names.is_used("2025", "photo.jpg")


@pytest.mark.parametrize(
    "cell",
    [
        "gallery/summer",
        "gallery/summer/",
        '<div data-dir="/media/gallery/summer/">',
        "GALLERY\\Summer",
        '{"dir": "gallery\\/summer"}',
        "/media/gallery",
    ],
)
def test_a_directory_that_a_text_names_keeps_all_below_it(cell: str) -> None:
    names = listed()
    names.strike_texts([cell])
    assert names.unused("gallery/summer", ["one.jpg", "two.jpg"]) == []
    assert names.unused("2024", ["photo.jpg"]) == ["photo.jpg"]


@pytest.mark.parametrize(
    ("cell", "is_named"), [("2024/01", True), ("/2024/01/", True), ("see /2024/01/", False), ("01", False)]
)
def test_numbers_name_a_directory_as_a_cell_of_their_own(cell: str, *, is_named: bool) -> None:
    names = Names("/srv/media", "/media/")
    names.add("2024/01", ["photo.jpg"])
    names.strike_texts([b"other", cell.encode()])
    assert names.is_used("2024/01", "photo.jpg") is is_named


def test_a_directory_with_spaces_is_known_as_a_whole_cell() -> None:
    names = listed()
    names.strike_texts(["/media/my%20gallery/v 1.0/"])
    assert names.is_used("my gallery/v 1.0", "three.jpg")


@pytest.mark.parametrize(
    "cell",
    [
        "gallery",
        "2024",
        "/2024/",
        "/blog/2024/",
        "gallery/summer/nine.jpg",
        "gallery/winter",
        "gallery/summer/%D1%84.jpg",
        "gallery/summer%20x/",
    ],
)
def test_a_word_or_a_file_in_it_does_not_name_a_directory(cell: str) -> None:
    names = listed()
    names.strike_texts([cell])
    assert names.unused("gallery/summer", ["one.jpg"]) == ["one.jpg"]
    assert names.unused("2024", ["photo.jpg"]) == ["photo.jpg"]


# -- other forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [r"url(\444\43e\442\43e 1.jpg)", r"url('\00444\43e \442\43e\20 1.jpg')", r"\0444 \00043e\442 \43e\000020 1.jpg;x"],
)  # fmt: skip
def test_a_name_in_the_escapes_of_a_stylesheet_is_found(text: str) -> None:
    assert used("фото 1.jpg", f"a{{background:{text}}}")
    assert used("фото 1.jpg", f"a{{background:{text}}}".replace("e ", "e\t").replace("4 ", "4\n").encode())
    assert used("фото 1.jpg", json.dumps({"css": text}))


def test_words_after_what_looks_like_a_stylesheets_escape_are_found_too() -> None:
    for name in ("фото.jpg", "photo.jpg"):
        for said in (json.dumps(name)[1:-1], quote(name), name):
            assert used(name, rf"C:\bad {said}"), said
            assert used(name, rf"C:\bad {said}".encode()), said


@pytest.mark.parametrize("codec", ["cp932", "gbk", "big5", "cp949", "euc-jp", "koi8-r", "cp1251"])
def test_a_name_in_an_alphabet_of_before_is_found_in_bytes(codec: str) -> None:
    names = {"cp949": "사진.jpg", "koi8-r": "фото.jpg", "cp1251": "фото.jpg", "big5": "照片.jpg", "gbk": "照片.jpg"}
    name = names.get(codec, "写真.jpg")
    raw = f'<img src="/media/{name}">'.encode(codec)
    assert used(name, raw)
    assert used(name, quote_from_bytes(raw))


@pytest.mark.parametrize("kind", ["text/html", "text/css;charset=utf-8", "image/svg+xml", "application/json"])
def test_a_text_in_a_data_address_amid_another_is_read(kind: str) -> None:
    inner = base64.b64encode('<p>see <img src="/media/photo 1.jpg"> and фото.png'.encode()).decode()
    for name in ("photo 1.jpg", "фото.png"):
        assert used(name, f'<p>before <iframe src="data:{kind};base64,{inner}"></iframe> after')
