"""The shapes of names, and that both implementations see the same one."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dvornik.references import keys
from dvornik.references.kinds import kind_of
from dvornik.references.names import Names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("photo_1.jpg", "w.jpg"),
        ("photo_Ab12Cd7.JPG", "w.jpg"),
        ("12.jpg", "n.jpg"),
        ("2024-01-05.png", "N.png"),
        ("7244bd9f815f15aa.ico", "h.ico"),
        ("123_0123456789abcdef0123456789abcdef01234567.dat", "h.dat"),
        ("avatar_0123456789abcdef0123456789abcdef.png", "H.png"),
        ("2b06f7f1-1c2d-4e3f-8a9b-0123456789ab.pdf", "h.pdf"),
        ("xtapjjcjiudrl3k7tm4wyjgp2uobabd1", "r"),
        ("clip.en.vtt", "w.en.vtt"),
        ("Dr.Smith.pdf", "w.pdf"),
        ("photo-150x150.jpg", "w~.jpg"),
        ("icon@2x.png", "w~.png"),
        (".immich", "."),
        ("фото 7.jpg", "w.jpg"),
        ("README", "w"),
    ],
)
def test_a_name_is_words_numbers_or_a_digest_and_an_ending(name: str, kind: str) -> None:
    assert kind_of(name) == kind


PIECES = st.one_of(
    st.sampled_from(
        ["photo", "IMG", "-", "_", ".", "@", "150x150", "x2", "800w", "12px", ".jpg", ".tar.gz", ".v2", "12"]
    ),
    st.sampled_from(["2b06f7f1-1c2d-4e3f-8a9b-0123456789ab", "7244bd9f815f15aa", "beef-cafe", "V1StGXR8Z5jdHi6BmyT3"]),
    st.text("0123456789abcdef", max_size=14),
    st.text(string.ascii_letters + string.digits + "._-", max_size=12),
)


@pytest.mark.skipif(not keys.inner, reason="no compiler built the extension")
@settings(deadline=None, max_examples=500)
@given(st.lists(PIECES, min_size=1, max_size=6).map("".join).filter(lambda name: "." in name.strip("._-")))
@example("a-beef0000-cafe-beef-cafe-0123456789ab-0123456789ab.jpg")
def test_the_extension_sees_the_same_shapes(name: str) -> None:
    names = Names()
    names.add("", [name])
    assert list(names.sorted("", [name])[1]) == [kind_of(name)]
