"""Texts in base64, hexadecimal digits, quoted-printable or packed, amid other text: what they name is needed."""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import html
import json
import lzma
import quopri
import zlib
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvornik.references import keys
from dvornik.references.coded import decoded, regions
from dvornik.references.names import Names
from tests.unit.test_references_names import used

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ["photo 1.jpg", "фото на память.png", "写真 (1).jpg", "a&b.jpg"]


def coded(text: str | bytes) -> str:
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def mail(text: str, encode: Callable[[bytes], bytes], how: str) -> str:
    body = f'<p>и так далее, and so on</p>\r\n<img src="/media/articles/{text}"> {"и ещё " * 30}'
    head = f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: {how}\r\n\r\n"
    return head + encode(body.encode()).decode().replace("\r", "").replace("\n", "\r\n") + "\r\n--boundary--\r\n"


PLACES: dict[str, Callable[[str], str]] = {
    "a cell": lambda name: coded(f"/media/{name}"),
    "json": lambda name: json.dumps({"id": 5, "data": coded(json.dumps({"src": f"/media/{name}"}))}),
    "php's json": lambda name: json.dumps({"data": coded(f"???>>>/media/{name}")}).replace("/", "\\/"),
    "dotnet's json": lambda name: json.dumps({"data": coded(f"src=/media/{name} {'~~~>' * 9}")}).replace(
        "+", "\\u002B"
    ),
    "parameter": lambda name: f"https://host/x?state={urlsafe('/media/2024/' + name)}&y=1",
    "escaped parameter": lambda name: f"https://host/x?to={quote_plus(coded('>>>???/media/2024/' + name))}&y=1",
    "part of a path": lambda name: f"/unsafe/fit/{urlsafe('local:///2024/' + name)}.webp",
    "attribute": lambda name: f'<a data-set="{html.escape(coded(json.dumps({"a": name, "b": "and so on"})))}">x</a>',
    "token": lambda name: f"Bearer eyJhbGciOiJIUzI1NiJ9.{urlsafe(json.dumps({'file': name}))}.c2lnbmF0dXJlIQ",
    "address of data": lambda name: f'<img src="data:image/svg+xml;base64,{coded(f"<svg><image href={name!r}/>")}">',
    "shortcode": lambda name: f"[vc_raw_html]{coded(quote(f'<img src=/media/{name}>'))}[/vc_raw_html] and so on",
    "mail": lambda name: mail(name, base64.encodebytes, "base64"),
    "mail in json": lambda name: json.dumps({"raw": mail(name, base64.encodebytes, "base64")}),
    "quoted mail": lambda name: mail(name, quopri.encodestring, "quoted-printable"),
    "quoted mail in json": lambda name: json.dumps({"raw": mail(name, quopri.encodestring, "quoted-printable")}),
    "twice": lambda name: json.dumps({"a": coded(json.dumps({"b": coded(f"see /media/{name}")}))}),
    "packed": lambda name: json.dumps({"a": coded(gzip.compress(f"see /media/{name}".encode()))}),
    "signed": lambda name: "." + urlsafe_bytes(zlib.compress(f"see {name}".encode() * 9)) + ":1vAAAA:c2lnbmF0dXJl",
    "hexadecimal": lambda name: f'{{"a": "\\\\x{f"see /media/{name}".encode().hex()}"}}',
    "camo": lambda name: f"https://camo/0123456789abcdef0123/{f'https://host/{name}'.encode().hex()}",
}


def urlsafe_bytes(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_in_what_must_be_decoded_first(name: str, place: str) -> None:
    cell = PLACES[place](name)
    for around in ("{}", "before {} after", "строка\n{}\nещё одна"):
        assert used(name, around.replace("{}", cell).encode()), around
        assert used(name, around.replace("{}", cell)), around
    assert used(name, b"caf\xe9 " + cell.encode()), "beside what is no UTF-8"
    assert not used("another.jpg", cell)
    assert not used("another.jpg", cell.encode())


def compressed(raw: bytes) -> bytes:
    """Pack as MySQL's ``COMPRESS`` does."""
    return len(raw).to_bytes(4, "little") + zlib.compress(raw)


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress, compressed])
def test_a_cell_that_is_packed_is_read(pack: Callable[[bytes], bytes]) -> None:
    assert used("фото 1.jpg", pack(b'{"a": "/media/%D1%84%D0%BE%D1%82%D0%BE 1.jpg"}'))


@pytest.mark.parametrize("sign", ["\\", "\\\\", "/", "%25", "=", "&amp;", "a/"])
def test_a_long_run_of_one_sign_beside_a_text_is_read_in_its_time(sign: str) -> None:
    """What takes its square takes a quarter of an hour here: the limit of a test ends it."""
    run = sign * (1_000_000 // len(sign))
    assert used("one.jpg", f"{coded('see /media/one.jpg, and so on')}{run} {coded('and so on, and so on')}".encode())


SIGNS = ["\n", "\\n", "\\/", "%2F", "/", '"', " ", "=", "%22", "x", "&#x2F;", ".", "0x", "abcdef0123456789"]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_the_scanner_hands_over_whatever_the_reference_decodes(data: st.DataObject) -> None:
    if not keys.inner:
        pytest.skip("no compiler built the extension")
    told = st.text(min_size=1, max_size=60).filter(lambda text: not any("\ud800" <= each < "\ue000" for each in text))
    pieces = st.one_of(
        st.sampled_from(SIGNS),
        told.map(coded), told.map(urlsafe), told.map(lambda text: text.encode().hex()), st.text(max_size=5),
    )  # fmt: skip
    cell = "".join(data.draw(st.lists(pieces, max_size=8))).encode("utf-8", "replace")
    names = Names()
    names.add("", ["a.jpg"])
    _size, *_others, handed, whole, _short, _mails = names._new_texts().strike([cell])
    mine = {text for region in handed.split(b" ") for text in decoded(region)}
    theirs = {text for region in regions([cell]) for text in decoded(region)}
    assert whole or theirs <= mine


def test_hashes_slugs_and_pictures_are_not_decoded() -> None:
    cells = [
        b"my-long-post-title-number-5-about-things",
        b"0123456789abcdef" * 4,
        b"photos/2005/0000/f7ac941c-holiday_220",
    ]
    cells += [
        b"5d41402a-bc4b-2a76-b971-9d911017c592",
        base64.b64encode(hashlib.shake_256(b"a picture").digest(9000)),
    ]
    assert [region for region in regions(cells) if list(decoded(region))] == []
