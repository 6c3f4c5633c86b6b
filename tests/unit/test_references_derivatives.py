"""Thumbnails and renditions follow what they were made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dvornik.config import load
from dvornik.errors import ConfigurationError
from dvornik.model import Reason
from dvornik.references.derivatives import Pattern, is_opaque, keep_originals, originals, verdict
from dvornik.references.names import Names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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
    ("a/.thumbnails/photo, 1.jpg/photo, 1-131x75.jpg", "a/photo, 1.jpg"),
    ("a/_thumbs/photo.jpg.100x100.jpg", "a/photo.jpg"),
    ("_versions/a/photo_thumbnail.jpg", "a/photo.jpg"),
    ("CACHE/images/a/photo/0123456789abcdef0123456789abcdef.jpg", "a/photo.png"),
    ("images/photo.width-800.jpg", "original_images/photo.png"),
    ("images/photo.2e16d0ba.fill-200x200-c100.format-webp.webp", "original_images/photo.jpg"),
    ("images/photo.max-165x165.jpg", "original_images/photo.jpg"),
    ("images/photo.format-avif.max-165x165.avif", "original_images/photo.jpg"),
    ("a/photo.PNG.80x80_q85_background-#fff_crop-10,-10_target-30,30_zoom-10.jpg", "a/photo.PNG"),
    ("a/photo.jpg.120x80_q85@2x.jpg", "a/photo.jpg"),
    ("a/thumbs/photo.jpg.avatar.jpg", "a/photo.jpg"),
    ("a/film.mp4.100x0_q85.jpg", "a/film.mp4"),
    ("filer_public_thumbnails/filer_public/ab/cd/photo.jpg__90x90_q85_crop.jpg", "filer_public/ab/cd/photo.jpg"),
    ("smedia/filer_private_thumbnails/ab/cd/photo.jpg__90x90_q85_crop.jpg", "smedia/filer_private/ab/cd/photo.jpg"),
    ("photos/cache/my_photo_large_2x.jpg", "photos/my_photo.jpg"),
    ("photos/cache/photo_AbC123x_display.PNG", "photos/photo_AbC123x.PNG"),
    ("avatars/1/resized/80/80/me.png", "avatars/1/me.jpg"),
    ("a/thumbs/300x200/photo.jpg", "a/photo.jpg"),
    ("CACHE/images/a/photo.80ea1979051b.jpg", "a/photo.png"),
    ("CACHE/images/a/photo/0123456789abcdef0123456789abcdef.jpg", "a/photo.PNG"),
    ("a/photo.my_own.PNG", "a/photo.PNG"),
    ("__sized__/a/my-photo-thumbnail-200x200-70.jpg", "a/my-photo.jpg"),
    ("__sized__/a/photo-crop-c0-5__0-5-400x400.PNG", "a/photo.PNG"),
    ("__sized__/a/photo-0123456789abcdef.jpg", "a/photo.jpg"),
    ("a/__filtered__/photo__invert__.jpg", "a/photo.jpg"),
    ("__sized__/a/__filtered__/photo__invert__-thumbnail-10x10-70.jpg", "a/photo.jpg"),
    ("__placeholder__/a/photo-thumbnail-200x200.jpg", "a/photo.jpg"),
    ("a/photo/800w.webp", "a/photo.jpg"),
    ("a/photo/16_9/800w.jpg", "a/photo.png"),
    ("2024/01/photo-rotated.jpg", "2024/01/photo.jpg"),
    ("2024/01/photo-e1412345678-150x150.jpg", "2024/01/photo.jpg"),
    ("2024/01/letter-pdf-116x150.jpg", "2024/01/letter.pdf"),
    ("va/ri/variants/xk9qz8w7e6r5t4y3/0a1b", "xk/9q/xk9qz8w7e6r5t4y3"),
]


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


@pytest.mark.parametrize(
    ("container", "name"),
    [
        ("cache/ab/cd", "0123456789abcdef0123456789abcdef.jpg"),
        ("thumbs/ab/cd", "abcdabcdabcdabcdabcdabcdabcdabcd.png"),
        ("CACHE/images", "0123456789abcdef0123456789abcdef.jpg"),
        ("__processed__/f59", "photo-24f8702383e7.jpg"),
        ("photologue/samples", "sepia sample.jpg"),
    ],
)
def test_a_derivative_whose_path_tells_no_original_is_held(container: str, name: str) -> None:
    names = read("", f"{container}/{name}", f"{container}/photo.jpg")
    assert verdict(names, container, name) is Reason.DERIVATIVE
    assert verdict(names, container, "photo.jpg") is None
    assert not is_opaque("uploads/ab/cd", name)


def test_what_lies_in_a_directory_called_after_a_digest_follows_the_original_that_has_it() -> None:
    made = {"a/live.jpg": "81f/d5a", "a/gone.jpg": "527/4f4", "b/gone.png": "0ef/d3a"}  # the SHA-1 of each
    files = [f"__processed__/{made[path]}/{path[2:6]}-24f8702383e7.jpg" for path in made]
    names = read("<img src='/media/a/live.jpg'>", *files, "a/live.jpg", "a/gone.jpg")
    assert [verdict(names, *split(file)) for file in files] == [Reason.DERIVATIVE, None, None]
    names = read(f"see {files[1]}", *files, "a/live.jpg", "a/gone.jpg")
    assert verdict(names, "a", "gone.jpg") is Reason.REFERENCED


def test_where_digests_of_most_paths_are_not_found_none_is_taken_for_debris() -> None:
    files = [f"__processed__/{number}af/photo-24f8702383e7.jpg" for number in range(4)]
    names = read("", *files, "elsewhere/photo.jpg")
    assert {verdict(names, *split(file)) for file in files} == {Reason.DERIVATIVE}


def test_a_name_without_a_token_is_held() -> None:
    assert verdict(read("", "a/🎉"), "a", "🎉") is Reason.UNSEARCHABLE


@pytest.mark.parametrize(
    "path", ["photo.jpg", "a/report.pdf", "a/README", "a/photo_AbC123x.jpg", "a/фото 2.png", "a/report.v2.pdf"]
)
def test_an_ordinary_file_was_made_from_nothing(path: str) -> None:
    assert originals(*split(path)) == ()


@pytest.mark.parametrize(
    ("pattern", "made", "original"),
    [
        ("{dir}/cut/{stem}=*.*", "a/b/cut/photo=w1.webp", "a/b/photo.jpg"),
        ("{dir}/cut/{stem}=*.*", "cut/photo=w1.jpg", "photo.jpg"),
        ("t/{dir}/{name}", "t/a/photo.jpg", "a/photo.jpg"),
        ("{dir}/t_{name}", "a/t_letter.doc", "a/letter.doc"),
    ],
)
def test_a_site_may_tell_its_own_names_of_derivatives(pattern: str, made: str, original: str) -> None:
    for cell, kept in ((original, Reason.DERIVATIVE), ("", None)):
        names = Names()
        names.derivatives = [Pattern(pattern)]
        for path in (made, original):
            names.add(*(split(path)[0], [split(path)[1]]))
        names.strike_paths([cell])
        assert verdict(names, *split(made)) is kept


def test_a_pattern_of_derivatives_that_says_nothing_of_the_original_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dvornik.toml").write_text('[media.m]\nroot = "media"\nderivatives = ["cut/*"]\n')
    with pytest.raises(ConfigurationError) as refusal:
        load(None, {}, tmp_path)
    assert "derivatives" in refusal.value.context + refusal.value.message
