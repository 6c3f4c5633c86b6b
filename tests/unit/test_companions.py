"""Which names belong together: pieces by number, descriptions by stem, and which do not."""

from __future__ import annotations

import random
import string

import pytest

from dvornik.collectors.companions import Marks, _finer, belonging, coarse


@pytest.mark.parametrize(
    ("old", "fresh"),
    [
        ("film-a1b2.mp4-0.part", "film-a1b2.mp4-2.part"), ("name_003.tmp", "name_012.tmp"),
        ("upload-12-of-40", "upload-13-of-40"), ("x.part1.rar", "x.part2.rar"), ("up.chunk.9", "up.chunk.10"),
        ("resumable-9f2c.3", "resumable-9f2c.14"), ("film.mp4-0", "film.mp4-5242880"), ("1", "2"),
        ("a (1).tmp", "a (2).tmp"),
        ("film.mp4.crdownload", "film.mp4"), ("x.iso.aria2", "x.iso"), ("x.iso", "x.iso.aria2"),
        ("x.tmp.meta", "x.tmp"),
        ("9f2c1b.info", "9f2c1b"), ("9f2c1b.json", "9f2c1b-3"), ("9f2c1b", "9f2c1b.json"), ("up.json", "up_chunk_7"),
        ("film.mp4.json", "film.mp4-3.part"), ("x.db-wal", "x.db"), ("film.f137.mp4.part", "film.mp4.ytdl"),
        ("film.mp4.META", "film.mp4.part"), (".film.mp4.part", "film.mp4"), ("report.docx", "report.docx~"),
        ("фильм.mp4.1.part", "фильм.mp4.2.part"), ("clip-part-3", "clip.yaml"),
        ("frame12.jpg", "frame13.jpg"), ("upload.json", "upload-12-of-40"),
    ],
)  # fmt: skip
def test_pieces_and_descriptions_belong_to_the_fresh_one(old: str, fresh: str) -> None:
    assert belonging([old, "other-thing.bin"], ["unrelated", fresh]) == {old}
    assert coarse([old]) == coarse([fresh])


@pytest.mark.parametrize(
    ("old", "fresh"),
    [
        ("tmp.kJ2hGfD9aa", "tmp.Xy12abQwEr"), ("php8Xa2bc", "php9Ya2bd"), ("job-1764201.tmp", "job-1764999.tmp"),
        ("1764201337123.jpg", "x1764209999001.jpg"), ("holiday.jpg", "report.jpg"),
        ("upload-12-of-40", "song-13-of-40"),
        ("a-1-2.tmp", "a-3-4.tmp"), ("9f2c1b.info", "8e1d0a"), ("film.mp4", "filmed.mp4"), ("old.bin", "young.bin"),
        ("u1", "u2"), ("f17", "f18"), ("a1b2c3", "a1b2c4"),
    ],
)  # fmt: skip
def test_what_others_left_does_not(old: str, fresh: str) -> None:
    assert belonging([old], [fresh]) == set()


def test_a_name_that_belongs_to_another_has_the_same_cheap_key() -> None:
    seeded = random.Random(7)  # noqa: S311 - names for a test
    parts = [
        "film",
        "a1b2",
        "x",
        "-",
        "_",
        ".",
        "3",
        "07",
        "part",
        "chunk",
        "mp4",
        "json",
        "META",
        "(",
        ")",
        " ",
        "~",
        "of",
    ]
    names = {"".join(seeded.choices(parts, k=seeded.randint(1, 6))) for _ in range(250)} - {""}
    for old in names:
        marks = Marks()
        marks.add([old])
        related = [name for name in names if marks.claims(name)]
        for keys_of in (coarse, _finer):
            assert set(keys_of(related)) <= set(keys_of([old])), (old, related)


def test_a_crowd_of_fresh_names_takes_no_more_memory_and_loses_none() -> None:
    seeded = random.Random(3)  # noqa: S311 - as above
    fresh = ["".join(seeded.choices(string.ascii_letters, k=12)) for _ in range(500)]
    marks = Marks(most=100)
    marks.add(fresh)
    assert all(marks.claims(f"{name}.info") for name in fresh)
    assert not marks.claims("another.info")


def test_what_is_cheap_to_ask_leaves_out_nothing_that_belongs() -> None:
    seeded = random.Random(5)  # noqa: S311 - as above
    parts = ["film", "a1b2", "x", "-", "_", ".", "3", "12", "part", "mp4", "json", "META", " (", ")", "~"]
    names = sorted({"".join(seeded.choices(parts, k=seeded.randint(1, 6))) for _ in range(300)})
    for fresh in names:
        marks = Marks()
        marks.add([fresh])
        assert belonging(names, [fresh]) == {name for name in names if marks.claims(name)}
