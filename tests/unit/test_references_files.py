"""Text files as a source of references: read whole and in pieces, and refused as a whole where that fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvornik.errors import UnreachableError
from dvornik.references.files import CHUNK, Files
from dvornik.references.names import Names
from dvornik.references.search import Sought, search

if TYPE_CHECKING:
    from collections.abc import Sequence


def files(base: Path, *paths: str, patterns: Sequence[str] = ("*",), exclude: Sequence[str] = ()) -> Files:
    roots = [str(base / path) for path in paths or ("texts",)]
    return Files(str(base), roots, patterns=patterns, exclude=exclude, skip=[str(base / "texts/media")])


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def unused(source: Files, *listed: str) -> list[str]:
    names = Names()
    names.add("", listed)
    search([Sought(names)], {"files": source})
    return names.unused("", listed)


def test_every_file_of_a_directory_is_read_whatever_it_holds(tmp_path: Path) -> None:
    write(tmp_path / "texts/a/page.md", "![](/media/one.jpg)")
    write(tmp_path / "texts/data.bin", b"\0\xff\xfe two.jpg \0")
    write(tmp_path / "texts/старое.txt", "фото.jpg".encode("cp1251"))
    write(tmp_path / "texts/windows.txt", "see три.jpg".encode("utf-16"))
    assert unused(files(tmp_path), "one.jpg", "two.jpg", "фото.jpg", "три.jpg", "lost.jpg") == ["lost.jpg"]


@pytest.mark.parametrize("before", range(CHUNK - 40, CHUNK + 8, 6))
def test_a_name_across_two_pieces_is_whole_in_one(tmp_path: Path, before: int) -> None:
    write(tmp_path / "texts/big.html", "x " * (before // 2) + "очень длинное имя_1.jpg" + " x" * 99)
    assert unused(files(tmp_path), "очень длинное имя_1.jpg") == []


def test_a_single_file_may_be_configured(tmp_path: Path) -> None:
    write(tmp_path / "robots.txt", "one.jpg")
    assert unused(files(tmp_path, "robots.txt"), "one.jpg", "two.jpg") == ["two.jpg"]


def test_patterns_and_exclusions_choose_and_media_is_not_entered(tmp_path: Path) -> None:
    for name in ("a.html", "b.css", "old/c.html", "media/d.html"):
        write(tmp_path / "texts" / name, f"{Path(name).stem}.jpg")
    chosen = files(tmp_path, patterns=["*.html"], exclude=["old"])
    assert unused(chosen, "a.jpg", "b.jpg", "c.jpg", "d.jpg") == ["b.jpg", "c.jpg", "d.jpg"]


def test_a_link_inside_is_read_and_one_that_leads_out_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "texts/a.html", "one.jpg")
    write(tmp_path / "outside/secret.html", "two.jpg")
    (tmp_path / "texts/again.html").symlink_to("a.html")
    assert unused(files(tmp_path), "one.jpg") == []
    (tmp_path / "texts/out").symlink_to(tmp_path / "outside")
    with pytest.raises(UnreachableError) as caught:
        unused(files(tmp_path), "one.jpg")
    assert str(tmp_path / "outside") in caught.value.hint
    assert unused(files(tmp_path, exclude=["out"]), "one.jpg") == []


def test_a_directory_that_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        unused(files(tmp_path), "one.jpg")
    (tmp_path / "texts/empty").mkdir(parents=True)
    with pytest.raises(UnreachableError):
        unused(files(tmp_path), "one.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "texts/a.html", "one.jpg")
    (tmp_path / "texts/a.html").chmod(0)
    with pytest.raises(UnreachableError):
        unused(files(tmp_path), "one.jpg")


def test_pipes_are_never_opened(tmp_path: Path) -> None:
    write(tmp_path / "texts/a.html", "one.jpg")
    os.mkfifo(tmp_path / "texts/pipe")
    assert unused(files(tmp_path), "one.jpg") == []


def test_lines_are_told_by_file_and_number(tmp_path: Path) -> None:
    write(tmp_path / "texts/a.html", "one\n\nthree\n")
    source = files(tmp_path)
    (column,) = source.columns()
    assert column.label == "texts"
    assert list(source.rows(column)) == [("a.html:1", b"one\n"), ("a.html:3", b"three\n")]
