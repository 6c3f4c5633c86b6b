"""Thumbnails and renditions follow what they were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dvornik.model import Reason
from dvornik.references.derivatives import _perhaps_made, is_opaque, keep_originals, originals, verdict
from dvornik.references.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MADE = [
    ("a/photo.jpg.100x100_q85.jpg", "a/photo.jpg"),
    ("a/photo.png.800x0_q85_crop.png", "a/photo.png"),
    ("a/photo-150x150.jpg", "a/photo.jpg"),
    ("a/photo-scaled.jpg", "a/photo.jpg"),
    ("a/photo_thumb.jpg", "a/photo.png"),
    ("a/thumb_photo.jpg", "a/photo.jpg"),
    ("a/photo@2x.jpg", "a/photo.jpg"),
    ("a/photo.webp", "a/photo.jpg"),
    ("a/photo.jpg.webp", "a/photo.jpg"),
    ("a/photo-150x150.webp", "a/photo.jpg"),
    ("a/thumbs/photo.jpg", "a/photo.jpg"),
    ("thumbs/a/photo.jpg", "a/photo.jpg"),
    ("a/_thumbs/photo.jpg.100x100.jpg", "a/photo.jpg"),
    ("_versions/a/photo_thumbnail.jpg", "a/photo.jpg"),
    ("CACHE/images/a/photo/0123456789abcdef0123456789abcdef.jpg", "a/photo.png"),
    ("images/photo.width-800.jpg", "original_images/photo.png"),
    ("images/photo.2e16d0ba.fill-200x200-c100.format-webp.webp", "original_images/photo.jpg"),
    ("images/photo.max-165x165.jpg", "original_images/photo.jpg"),
]


PARTS = (*"-_.@é", "photo", "thumb", "small", "2x", "150x150", "0x9", "jpg", "png", "webp", "max", "width-8", "scaled")


def split(path: str) -> tuple[str, str]:
    """Return container and name."""
    container, _slash, name = path.rpartition("/")
    return container, name


def listing(*paths: str) -> Mapping[str, Sequence[str]]:
    """Group paths by directory."""
    found: dict[str, list[str]] = {}
    for container, name in map(split, paths):
        found.setdefault(container, []).append(name)
    return found


def read(cell: str, *paths: str) -> Names:
    """List the paths and read one cell."""
    names = Names()
    for container, listed in listing(*paths).items():
        names.add(container, listed)
    names.strike_texts([cell])
    keep_originals(names, listing(*paths).items())
    return names


@pytest.mark.parametrize(("made", "original"), MADE)
def test_a_derivative_stays_with_an_original_that_is_used(made: str, original: str) -> None:
    names = Names()
    for path in (made, original):
        names.add(*(split(path)[0], [split(path)[1]]))
    names.keep(*split(original))
    assert verdict(names, *split(made)) is Reason.DERIVATIVE
    assert verdict(names, *split(original)) is Reason.REFERENCED


@pytest.mark.parametrize(("made", "original"), MADE)
def test_a_derivative_goes_with_its_original(made: str, original: str) -> None:
    names = read("nothing here", made, original)
    assert verdict(names, *split(made)) is None
    assert verdict(names, *split(original)) is None


@pytest.mark.parametrize(("made", "original"), MADE)
def test_a_derivative_that_is_named_keeps_its_original(made: str, original: str) -> None:
    names = read(f"<img src='/media/{made}'>", made, original)
    assert verdict(names, *split(made)) is Reason.REFERENCED
    assert verdict(names, *split(original)) is Reason.REFERENCED


def test_a_derivative_of_a_vanished_original_is_found() -> None:
    names = read("photo.jpg was removed", "a/photo-150x150.jpg")
    assert verdict(names, "a", "photo-150x150.jpg") is None


def test_a_bare_hash_in_a_thumbnail_cache_is_held() -> None:
    name = "0123456789abcdef0123456789abcdef.jpg"
    names = read("", f"cache/ab/cd/{name}", "cache/ab/cd/photo.jpg")
    assert verdict(names, "cache/ab/cd", name) is Reason.DERIVATIVE
    assert verdict(names, "cache/ab/cd", "photo.jpg") is None
    assert not is_opaque("uploads/ab/cd", name)


def test_a_name_without_a_token_is_held() -> None:
    assert verdict(read("", "a/🎉"), "a", "🎉") is Reason.UNSEARCHABLE


@pytest.mark.parametrize("path", ["photo.jpg", "a/report.pdf", "a/README", "a/photo_AbC123x.jpg", "a/фото 2.png"])
def test_an_ordinary_file_was_made_from_nothing(path: str) -> None:
    assert originals(*split(path)) == ()


@settings(deadline=None)
@given(
    st.sampled_from(["a", "a/thumbs", "images", "CACHE/images/a/photo"]),
    st.lists(st.sampled_from(PARTS)),
)
def test_whatever_was_made_from_another_is_told_at_a_glance(container: str, parts: list[str]) -> None:
    name = "".join(parts)
    if originals(container, name):
        assert _perhaps_made(container, ["plain.jpg", name]) != ()
