"""Feeds each loop in C and its twin in Python with the same made-up input, for a given time.

    python -m tests.fuzz.extensions [SECONDS] [SEED]

Of names in texts the C may find more than its twin and never less, since what is found is kept; everywhere else both
must say the same. The first difference ends it with its seed and round, which repeat it.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dvornik.contracts.storage import Batch
from dvornik.model import Finding
from dvornik.references import derivatives, keys, kinds
from dvornik.references.coded import decoded, regions
from dvornik.references.names import Names
from dvornik.storages import directories
from dvornik.storages.local import LocalStorage
from tests.unit.test_references_names import ENCODINGS, NASTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

ALPHABETS = ("abcxyz", "ABC012", "0123456789abcdef", "йцуёъ", "éßſKﬁ", "写真🎉", " ._-@~()%&\\", "e\u0301n\u0303")
ENDINGS = (".jpg", ".JPEG", ".tar.gz", ".en.vtt", "", ".", ".png.webp", ".документ", ".gz")
CONTAINERS = ("", "a", "photos/2024", "Альбом/летний", "a.b/c_d-e", "a/b/c/u00e9clair", "ab/cd/ef0123456789")
AROUND = (
    "/media/",
    "see ",
    '"',
    "'",
    "\\/",
    "%2F",
    "&amp;",
    "\n",
    "\\n",
    "=",
    "(",
    "», ",
    "<img src=",
    "/./",
    "..",
    "\0",
)
MUTATIONS = 4


@contextmanager
def _plain() -> Iterator[None]:
    """Let the twins in Python do the work."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (keys, derivatives, directories):
            patch.setattr(module, "inner", None)
        yield


# what it is fed with


def _name(chance: Random) -> str:
    if chance.random() < 0.2:
        return chance.choice(NASTY)
    parts = [
        "".join(chance.choices(chance.choice(ALPHABETS), k=chance.randint(1, 12))) for _ in range(chance.randint(1, 4))
    ]
    name = "".join(parts) + chance.choice(ENDINGS)
    return name.replace("/", "") if name not in {".", ".."} else "dots"


def _listing(chance: Random) -> list[tuple[str, str]]:
    return list({(chance.choice(CONTAINERS), _name(chance)): 0 for _ in range(chance.randint(1, 6))})


def _cell(chance: Random, listed: Sequence[tuple[str, str]]) -> bytes:
    """Write names and paths in any spelling between anything, then spoil some bytes."""
    text = ""
    for _ in range(chance.randint(1, 8)):
        container, name = chance.choice(listed)
        said = chance.choice(
            (name, f"{container}/{name}", container, _name(chance), "".join(chance.choices("aф \0", k=3)))
        )
        text += chance.choice(AROUND) + ENCODINGS[chance.choice(sorted(ENCODINGS))](said) + chance.choice(AROUND)
    codec = chance.choice(("utf-8", "utf-8", "utf-8", "utf-16-le", "cp1251"))
    cell = bytearray(text.encode(codec, "surrogateescape" if codec == "utf-8" else "replace"))
    for _ in range(chance.randint(0, MUTATIONS) if chance.random() < 0.5 else 0):
        _spoil(chance, cell)
    return bytes(cell)


def _spoil(chance: Random, cell: bytearray) -> None:
    at, length = chance.randint(0, len(cell)), chance.randint(0, 9)
    match chance.randint(0, 3):
        case 0:
            cell[at : at + length] = b""
        case 1:
            cell[at:at] = chance.randbytes(length)
        case 2:
            cell[at:at] = cell[at : at + length] * chance.choice((1, 2, 500))
        case _:
            del cell[at:]


# the loops


def _texts(chance: Random) -> None:
    listed = _listing(chance)
    cells = [_cell(chance, listed) for _ in range(chance.randint(1, 4))]
    values = [cell.decode("utf-8", "surrogateescape") for cell in cells[:2]] if chance.random() < 0.3 else []
    mine = _used(listed, cells, values)
    with _plain():
        theirs = _used(listed, cells, values)
    assert theirs <= mine, (listed, cells, values, theirs - mine)


def _used(listed: Sequence[tuple[str, str]], cells: Sequence[bytes], values: Sequence[str]) -> set[tuple[str, str]]:
    names = Names("/srv/media", "https://example.org/media/")
    for container, name in listed:
        names.add(container, [name])
    names.strike_paths(values)
    names.strike_texts(cells)
    used = {(container, name) for container, name in listed if not names.unused(container, [name])}
    assert used == {each for each in listed if names.is_used(*each)}, (listed, cells, values)
    return used


def _coded(chance: Random) -> None:
    cell = _cell(chance, _listing(chance))
    names = Names()
    names.add("", ["a.jpg"])
    _size, *_others, handed, whole, _short, _mails = names._new_texts().strike([cell])
    mine = {text for region in handed.split(b" ") for text in decoded(region)}
    assert whole or {text for region in regions([cell]) for text in decoded(region)} <= mine, cell


def _shapes(chance: Random) -> None:
    found = [_name(chance) for _ in range(20)]
    mine = [kinds.kind_of(name) for name in found]
    told = set(derivatives.candidates("a", found))
    with _plain():
        assert mine == [kinds.kind_of(name) for name in found], found
        assert set(derivatives.candidates("a", found)) <= told, found


def _tables(chance: Random) -> None:
    added, marked = ([chance.randbytes(chance.randint(0, 3)) for _ in range(chance.randint(0, 300))] for _ in range(2))
    told = []
    for table in (keys.new_keys(), keys.PlainKeys()):
        table.add_all(added)
        table.mark_known(marked[::2])
        lost = table.mark_all(marked)
        asked = [*added, *marked]
        told.append((lost, len(table), table.marked(), table.seen_all(asked), *(
            [ask(key) for key in asked] for ask in (table.known, table.again, table.__contains__))
        ))  # fmt: skip
        table.forget()
        assert not table.marked()
    assert told[0] == told[1], (added, marked)


def _directories(chance: Random) -> None:
    """List and take two trees that are alike."""
    with tempfile.TemporaryDirectory() as home:
        seed, keep, step = chance.random(), chance.random() < 0.5, chance.randint(1, 3)
        mine = _taken(Path(home, "c", "tmp"), random.Random(seed), step, keep=keep)
        with _plain():
            theirs = _taken(Path(home, "python", "tmp"), random.Random(seed), step, keep=keep)
        assert mine == theirs, (mine, theirs)


def _taken(root: Path, chance: Random, step: int, *, keep: bool) -> object:
    """Return what was listed, what was taken and what stayed."""
    _grow(root, chance)
    storage = LocalStorage("tmp", str(root))
    batches = [each for each in storage.walk(with_times=True, age_by="mtime") if isinstance(each, Batch)]
    listed, outcomes = [], []
    for batch in sorted(batches, key=lambda each: each.container):
        rows = sorted(zip(batch.names, batch.sizes, batch.times, batch.versions, strict=True))
        listed.append((batch.container, [row[:3] for row in rows], sorted(map(str, batch.others))))
        for name in batch.names[::7]:  # as an application would, after the listing
            Path(root, batch.container, name).write_text("changed")
        names, sizes, times, versions = zip(*rows[::step], strict=True) if rows else ((),) * 4
        finding = Finding("temp/old", "tmp", batch.container, list(names), list(sizes), list(times), list(versions))
        outcome = storage.discard(finding, "20260101T000000Z-0001", keep=keep)
        outcomes.append((outcome.done, outcome.freed, outcome.set_aside, sorted(map(str, outcome.missed))))
    storage.tidy()
    return listed, outcomes, sorted(os.fsencode(path.relative_to(root.parent)) for path in root.parent.rglob("*"))


def _grow(root: Path, chance: Random) -> None:
    for container in chance.sample(("", "a", "a/b", "Альбом", "c.d/" + "e" * 200), k=3):
        Path(root, container).mkdir(parents=True, exist_ok=True)
        for _ in range(chance.randint(0, 40)):
            path = Path(root, container, os.fsdecode(_name(chance).encode("utf-8", "surrogateescape")[:250]))
            match chance.randint(0, 20):
                case 0:
                    path.symlink_to("/nowhere") if not path.is_symlink() and not path.exists() else None
                case 1:
                    os.mkfifo(path) if not os.path.lexists(path) else None
                case _:
                    if not os.path.lexists(path):
                        path.write_bytes(b"x" * chance.choice((0, 1, 4097)))
                        os.utime(path, ns=(0, chance.randint(-(10**9), 2 * 10**18)))


LOOPS = {_texts: 5, _coded: 100, _shapes: 30, _tables: 10, _directories: 1}
"""Each with its turns a round: none takes much longer than the others."""


def main(seconds: float, seed: int) -> int:
    """Go through the loops in turn; return the exit code."""
    missing = [name for name, inner in (("references", keys.inner), ("storages", directories.inner)) if not inner]
    if missing:
        print(f"no extension in C was built for: {', '.join(missing)}")
        return 1
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for loop, turn in ((loop, turn) for loop, turns in LOOPS.items() for turn in range(turns)):
            try:
                loop(random.Random(f"{seed}/{count}/{loop.__name__}/{turn}"))
            except BaseException:
                print(f"{loop.__name__}, seed {seed}, round {count}, turn {turn}:", flush=True)
                raise
        count += 1
    print(f"{count} rounds of {len(LOOPS)} loops, seed {seed}: no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 60, int(sys.argv[2]) if sys.argv[2:] else int(time.time())))
