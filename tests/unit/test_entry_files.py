"""Files of sessions and caches say their end to whoever reads their first bytes, and are never unpickled."""

from __future__ import annotations

import base64
import json
import pickle
import pickletools
import struct
import time
import zlib
from typing import TYPE_CHECKING

import pytest
from cachelib.file import FileSystemCache
from hypothesis import given
from hypothesis import strategies as st

from dvornik.caches.entry_files import FORMS, NEVER

if TYPE_CHECKING:
    from pathlib import Path

END = 1_750_000_000
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def end_of(form: str, head: bytes, lifetime: int = 0) -> float:
    return FORMS[form].end(head[: FORMS[form].head], 0.0, lifetime)


def since_7(end: int) -> bytes:
    """Return a file as cachelib writes it since 0.7: four bytes, then the value."""
    return struct.pack("I", end) + pickle.dumps({"user": 1}, pickle.HIGHEST_PROTOCOL)


def before_7(end: int, protocol: int) -> bytes:
    """Return a file as werkzeug, Flask-Caching and cachelib wrote it before: two pickles."""
    return pickle.dumps(end, protocol) + pickle.dumps({"user": 1}, pickle.HIGHEST_PROTOCOL)


def django(end: float | None, protocol: int = pickle.HIGHEST_PROTOCOL) -> bytes:
    """Return a file of Django's cache."""
    return pickle.dumps(end, protocol) + zlib.compress(pickle.dumps("value", protocol))


def test_cachelib_s_own_files_say_when_they_end(tmp_path: Path) -> None:
    cache = FileSystemCache(str(tmp_path))
    now = int(time.time())
    cache.set("a", "value", timeout=1000)
    ends = {path.name: end_of("cachelib", path.read_bytes()) for path in tmp_path.iterdir()}
    counters = FORMS["cachelib"].counters & ends.keys()
    assert [ends[name] for name in counters] == [NEVER]
    (end,) = (end for name, end in ends.items() if name not in counters)
    assert now + 1000 <= end <= now + 1060


@pytest.mark.parametrize("protocol", [1, *PROTOCOLS])
def test_older_files_of_cachelib_are_understood(protocol: int) -> None:
    assert end_of("cachelib", before_7(END, protocol)) == END
    assert end_of("cachelib", before_7(0, protocol)) == NEVER


@given(st.integers(1_000_000_000, 2**32 - 1))
def test_neither_form_of_cachelib_is_taken_for_the_other(end: int) -> None:
    assert end_of("cachelib", since_7(end)) == end
    if end < 2**31:
        assert end_of("cachelib", before_7(end, 1)) == end


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_files_of_django_s_cache_say_when_they_end_or_that_they_never_do(protocol: int) -> None:
    assert end_of("django-cache", django(END + 0.5, protocol)) == END + 0.5
    assert end_of("django-cache", django(None, protocol)) == NEVER


def test_a_lifetime_comes_after_the_end_that_a_file_says() -> None:
    assert end_of("cachelib", since_7(END), 60) == END + 60
    assert end_of("django-cache", django(END + 0.5), 60) == END + 60.5


class Trap:
    """What would tell if anybody unpickled it."""

    def __reduce__(self) -> tuple[object, ...]:  # noqa: D105 - pickle's
        return pytest.fail, ("unpickled",)


@pytest.mark.parametrize("form", ["cachelib", "django-cache"])
@pytest.mark.parametrize(
    "text",
    [
        b"", b"\x80", b"G", b"not a cache", pickle.dumps(Trap()), pickle.dumps(Trap()) + zlib.compress(b"x"),
        pickle.dumps("1750000000") + zlib.compress(b"x"), pickle.dumps({}) + pickle.dumps(1),
        pickle.dumps(float("nan")) + zlib.compress(b"x"), pickle.dumps(17.0) + zlib.compress(b"x"),
        pickle.dumps(1e300) + zlib.compress(b"x"), pickle.dumps(END) + b"text",
        b"\x80\x05\x95" + b"\0" * 8 + b"N.x\x9c",
    ],
)  # fmt: skip
def test_anything_else_is_not_understood(form: str, text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the head, of no interest
        end_of(form, text)


@given(st.binary(max_size=64))
def test_no_bytes_at_all_make_it_stumble(head: bytes) -> None:
    for form in FORMS.values():
        try:
            end = form.end(head, 5.0, 7)
        except ValueError:
            continue
        assert end >= 12


def test_the_opcodes_that_are_read_are_the_pickle_s_own() -> None:
    for number in (1, 300, END, 2**33, 1.5):
        names = [code.name for code, _argument, _place in pickletools.genops(pickle.dumps(number))]
        assert set(names) <= {"PROTO", "FRAME", "BININT1", "BININT2", "BININT", "LONG1", "BINFLOAT", "STOP"}


def test_a_session_of_django_that_is_no_json_is_not_understood() -> None:
    for data in (pickle.dumps({"a": 1}), b"[1]", json.dumps({"_session_expiry": 1.5}).encode(), b"\xff"):
        text = base64.urlsafe_b64encode(data).rstrip(b"=") + b":1abcde:signature"
        with pytest.raises(ValueError):  # noqa: PT011 - as above
            end_of("django-session", text, 60)
