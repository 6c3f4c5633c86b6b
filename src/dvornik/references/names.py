"""The names of one storage's files, struck out as texts stream by: what is left is named by nothing.

Everything here errs on one side: a file is used when all tokens of its name were seen anywhere, a listed path was
named exactly, or a directory above it was named. Memory is some ten bytes a file and token, never the text's size.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, AnyStr

from dvornik.references import keys
from dvornik.references.alphabets import is_utf8, other_readings
from dvornik.references.directories import Directories
from dvornik.references.packed import packed, unpacked
from dvornik.references.paths import Base, path_key
from dvornik.references.stems import meant, stems, uuids
from dvornik.references.tokens import (
    ATOM,
    ATOMS,
    CLEAN,
    EDGE,
    NARROW,
    Slice,
    any_of,
    cut,
    fold,
    letters,
    spellings,
    to_bytes,
)
from dvornik.references.variants import unescaped, variants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from dvornik.references._inner import Texts
    from dvornik.references.derivatives import Pattern

_SLICE = 1 << 18
"""Characters that are looked at together: small enough for the processor's cache, large enough to amortise calls."""
_OVERLAP = 1 << 13
"""A name of 255 bytes, each byte escaped thrice, ends within this many characters."""
_SAMPLE = 100
_MANY = 200
"""So many different endings make an alternation slower than looking at every dot."""
_GENERIC = rb"[0-9a-z\x80-\xff]"
_AFTER = 400
"""What may follow a name within a word is shorter."""
_FLAT = bytes.maketrans(b"/\t", b"  ")
_LINES = CLEAN.translate(_FLAT)[:10] + b"\n" + CLEAN.translate(_FLAT)[11:]
"""Delimits as texts are delimited, line by line."""
_SEPARATED = bytes.maketrans(b"_-\t", b"...")
_GLUED = re.compile(rb"\.([0-9A-Za-z\x80-\xff]{1,16})")
_RUN = re.compile(rb"[0-9a-z]{3,}")
_LETTER = re.compile(r"[0-9A-Za-z]")
_UNPLAIN = re.compile(r"[%&?#\\]")
"""What lets a value be read in several ways."""


class Names:
    """One storage's listing, and what of it was named. First ``add`` everything, then strike, then ask.

    ``references``, ``found`` and ``missing`` count the values of exact columns; ``missing_sample`` holds some that
    name no listed file. ``cells`` and ``characters`` count what was read as text.
    """

    def __init__(self, root: str = "", url: str = "") -> None:
        """Take what may stand before a path in an exact column: the root's own path and the URL prefix."""
        self.references = self.found = self.missing = self.cells = self.characters = 0
        self.missing_sample: list[str] = []
        self.has_derivatives = False
        """Whether any listed name may be made from another; for who adds them to say."""
        self.derivatives: Sequence[Pattern] = ()
        """The site's own ways to name derivatives."""
        self.is_elsewhere: Callable[[str], bool] | None = None
        """Of a listing of a part: whether a path below the root is there all the same, and so names no namesake."""
        self._base = Base(root, url)
        self._directories = Directories(self._base)
        self._tokens, self._paths, self._stems = keys.new_keys(), keys.new_keys(), keys.new_keys()
        self._atoms = keys.new_keys()
        """Tokens without a dot."""
        self._inner = keys.inner
        self._texts: Texts | None = None
        self._endings: set[bytes] = set()
        self._last: set[bytes] = set()
        self._tails: set[bytes] = set()
        self._longest = 0
        self._narrow = self._has_uuids = False
        self._anchors: dict[str, re.Pattern[bytes]] = {}

    def add(self, container: str, names: Sequence[str]) -> None:
        """Take note of the files of one directory (``""``: the root)."""
        self._directories.add(container)
        prefix = path_key(container + "/") if container else b""
        if self._inner:
            names = self._add_plain(self._inner, prefix, names)
        plain = _plain(names)
        folded, tokens = plain or ([path_key(name) for name in names], [b""] * len(names))
        self._paths.add_all([prefix + each for each in folded])
        for each in folded:
            known = stems(each)
            self._has_uuids = self._has_uuids or len(known) > 1
            self._stems.add_all(known)
        single = [token for token in tokens if token]
        self._tokens.add_all(single)
        self._note(single)
        for name, token in zip(names, tokens, strict=True):
            for several in () if token else spellings(name):
                self._tokens.add_all(each for each in several if b"." in each)
                self._atoms.add_all(each for each in several if b"." not in each)
                self._note(several)

    def _add_plain(self, inner: ModuleType, prefix: bytes, names: Sequence[str]) -> list[str]:
        """Add what is plain among the names; return the rest."""
        tails = set[bytes]()
        longest, has_uuids, rest = inner.add_names(self._tokens, self._paths, self._stems, prefix, list(names), tails)
        self._has_uuids = self._has_uuids or has_uuids
        self._note(tails)
        self._longest = max(self._longest, longest)
        return rest  # type: ignore[no-any-return]

    def _note(self, tokens: Iterable[bytes]) -> None:
        """Take note of what a text must hold for one of the tokens to be in it."""
        tails, longest = self._tails, self._longest
        for token in tokens:
            dot = token.rfind(b".")
            if dot < 0:
                self._narrow = self._narrow or not token.isascii()
                continue
            longest = max(longest, len(token))
            tail = token[dot:]
            if tail not in tails:
                tails.add(tail)
                parts = ATOM.findall(tail)
                self._endings.add(parts[0])
                self._last.add(parts[-1])
        self._longest = longest

    # -- striking ------------------------------------------------------------------------------------------------

    def strike_texts(self, cells: Sequence[str | bytes]) -> None:
        """Strike every name that occurs in any of ``cells``, whatever stands around it and however it is escaped."""
        self.cells += len(cells)
        raw = [cell if isinstance(cell, bytes) else to_bytes(cell) for cell in cells]
        self._strike_together(cells, raw)
        for cell in packed(raw):
            for text in unpacked(cell):
                self._strike_together([text], [text])

    def _strike_together(self, cells: Sequence[str | bytes], raw: list[bytes]) -> None:
        if self._has_uuids:
            self._stems.mark_all(uuids(raw))
        if self._inner and all(isinstance(cell, bytes) for cell in cells):
            self._strike_plainly(raw)
        else:
            self._strike_whole(raw)
            self._strike_cells(cells)

    def _strike_cells(self, cells: Sequence[str | bytes]) -> None:
        raw = [cell for cell in cells if isinstance(cell, bytes)]
        texts = [cell for cell in cells if isinstance(cell, str)]
        if texts:
            self._strike_text("\n".join(texts))
        if raw:
            self._strike_raw(raw)

    def _strike_plainly(self, cells: list[bytes]) -> None:
        """Have the plain struck in C, and see to what it hands over."""
        self._texts = self._texts or self._new_texts()
        size, escaped, odd, encoded, numbers, whole, short = self._texts.strike(cells)
        self.characters += size - sum(map(len, whole))
        for cell in whole:
            self._strike_raw([cell])
        if escaped:
            for variant in variants(Slice(escaped, b"", "utf-8")):
                self._strike(cut(variant))
        if odd:
            self._strike(cut(odd.decode("utf-8", "surrogateescape")))
        self._directories.strike_encoded(encoded)
        self._directories.strike_numbers(numbers)
        self._directories.strike_whole(cells)
        self._stems.mark_all(meant(short))

    def _new_texts(self) -> Texts:
        endings, last = keys.new_keys(), keys.new_keys()
        endings.add_all(self._endings)
        last.add_all(self._last)
        places = self._directories
        tables = (self._tokens, self._atoms, self._stems, places.keys, places.leaves, endings, last)
        flags = (not all(map(bytes.isascii, self._endings)), places.wide, places.numeric, places.beyond_ascii)
        return self._inner.Texts(tables, letters(), self._longest, *flags)  # type: ignore[no-any-return, union-attr]

    def _strike_whole(self, cells: Sequence[bytes]) -> None:
        """Strike what a cell names as a whole: a file without its ending, a directory that has delimiters in it."""
        if len(self._stems):
            self._stems.mark_all(meant(cells))
        self._directories.strike_cells(cells)

    def _strike_raw(self, cells: Sequence[bytes]) -> None:
        """Join cells, as far as they are UTF-8: of a million short ones the calls would cost more than the work."""
        joined = b"\n".join(cells)
        if joined.isascii() and 0 not in joined:
            self._strike_ascii(joined)
        else:
            plain = []
            for cell in cells:
                if 0 in cell or not is_utf8(cell):
                    self._strike_bytes(cell)
                else:
                    plain.append(cell)
            self._strike_text(b"\n".join(plain).decode("utf-8", "surrogateescape"))  # a character cut at an end

    def _strike_bytes(self, cell: bytes) -> None:
        for begin in range(0, len(cell), _SLICE):
            piece = cell[max(0, begin - _OVERLAP) : begin + _SLICE]
            self._strike_text(piece.decode("utf-8", "surrogateescape"))
            for text in other_readings(piece):
                self._strike_text(text)
            self._strike_glued(piece)

    def _strike_glued(self, piece: bytes) -> None:
        """Strike names in binary formats, where a length or a mark that is a letter may stand right beside a name."""
        for match in _GLUED.finditer(piece):
            ending = match[1].lower()
            for length in range(1, len(ending) + 1):
                if ending[:length] in self._last:
                    end = match.start() + 1 + length
                    before = piece[max(0, end - 2 * self._longest) : end].decode("utf-8", "surrogateescape")
                    window = fold(before).encode("utf-8", "replace")
                    first = max(0, len(window) - self._longest)
                    self._tokens.mark_all(window[begin:] for begin in range(first, len(window) - length - 1))
        if len(self._atoms):
            runs = set(_RUN.findall(piece.lower()))
            self._atoms.mark_all(part for run in runs for part in (run[1:], run[:-1]))

    def _strike_ascii(self, joined: bytes) -> None:
        self.characters += len(joined)
        for raw in _slices(joined, (b" ", b"\n")):
            self._strike_slice(Slice(raw, raw.translate(CLEAN), "ascii"))

    def _strike_text(self, text: str) -> None:
        self.characters += len(text)
        for piece in _slices(text, (" ", "\n")):
            self._strike_slice(cut(piece))

    def _strike_slice(self, piece: Slice) -> None:
        dense = unescaped(piece)
        if dense:
            self._strike_names(piece)
            piece = cut(dense)
        self._strike(piece)
        self._directories.strike_encoded(piece.raw)
        for variant in variants(piece):
            self._strike(cut(variant))

    def _strike(self, piece: Slice) -> None:
        self._strike_names(piece)
        self._directories.strike(piece)

    def _strike_names(self, piece: Slice) -> None:
        if self._last:
            for word in self._tokens.mark_all(self._words(piece)):
                self._strike_word(word)
        if len(self._atoms):
            self._strike_atoms(piece)

    def _words(self, piece: Slice) -> set[bytes]:
        """Return the words that end, or go on, after a dot and one of the listed names' endings."""
        parts = self._anchor(piece.codec).split(piece.clean.translate(_FLAT))
        words = {
            before[before.rfind(b" ") + 1 :] + ending for before, ending in zip(parts[::2], parts[1::2], strict=False)
        }
        if piece.codec in {"ascii", "utf-8"}:
            return words
        return {word.decode(piece.codec).encode() for word in words}

    def _anchor(self, codec: str) -> re.Pattern[bytes]:
        if codec not in self._anchors:
            endings = {ending.decode("utf-8", "replace").encode(codec, "ignore") for ending in self._endings} - {b""}
            self._anchors[codec] = re.compile(
                rb"(\.[_-]*" + (any_of(endings) if len(endings) <= _MANY else _GENERIC) + rb"[^ ]{0,300})"
            )
        return self._anchors[codec]

    def _strike_word(self, word: bytes) -> None:
        """Strike every listed token that lies in ``word`` between places where a name may begin and end.

        A word that is a listed token itself never comes here: it names that one, and none that its end happens to be.
        """
        word = word[-self._longest - _AFTER :]
        parts = word.translate(_SEPARATED).split(b".")
        if word.isascii() and len(word) <= self._longest and self._last.intersection(parts) == {parts[-1]}:
            self._tokens.mark_all(_tails(word, parts))
        else:
            self._strike_spans(word)

    def _strike_spans(self, word: bytes) -> None:
        atoms = [match.span() for match in ATOM.finditer(word)]
        for index in range(len(atoms) - 1, 0, -1):
            first, end = atoms[index]
            if word[first:end] in self._last:
                dot, low = word.rfind(b".", 0, end), end - self._longest
                starts = takewhile(low.__le__, (begin for begin, _end in atoms[index - 1 :: -1]))
                self._tokens.mark_all([word[begin:end] for begin in starts if begin < dot])

    def _strike_atoms(self, piece: Slice) -> None:
        self._atoms.mark_all(set(piece.clean.translate(ATOMS).split()))
        if self._narrow and piece.codec != "ascii":
            runs = set(NARROW.findall(piece.clean.decode(piece.codec, "replace")))
            self._atoms.mark_all(run.encode() for run in runs)

    def strike_paths(self, values: Sequence[str]) -> None:
        """Strike exactly the files (or all below the directories) that ``values`` name as paths below the root.

        A value that names nothing listed is missing, and its name is struck as text: it may be written in a way of
        the application's own.
        """
        self.references += len(values)
        missed = self.misses(values)
        self.found += len(values) - len(missed)
        self.missing += len(missed)
        self.missing_sample += missed[: _SAMPLE - len(self.missing_sample)]
        self.strike_texts([value for value in missed if not self._names_another(value)])

    def _names_another(self, value: str) -> bool:
        """Tell whether a value names a file that is there, though it is not listed."""
        return self.is_elsewhere is not None and any(map(self.is_elsewhere, self._base.readings(value)))

    def misses(self, values: Sequence[str]) -> list[str]:
        """Strike what ``values`` name as paths, and return those that name nothing listed."""
        if self._inner:
            prefixes = b"".join(to_bytes(prefix) + b"\0" for prefix in self._base.prefixes)
            values = self._inner.mark_paths(self._paths, prefixes, list(values))
        joined = "\n".join(values)
        if not _UNPLAIN.search(joined) and not any(f"\n{prefix}/" in f"\n{joined}" for prefix in self._base.prefixes):
            folded = [path_key(value) for value in values]
            unknown = set(self._paths.mark_all(folded))
            values = [value for value, key in zip(values, folded, strict=True) if key in unknown]
        return [value for value in values if not self._strike_path(value)]

    def _strike_path(self, value: str) -> bool:
        readings = [path_key(path) for path in self._base.readings(value)]
        by_file = [self._paths.mark(key) for key in readings]
        return self._directories.strike_values(readings) or any(by_file)

    def forget(self) -> None:
        """Let nothing have been named yet: the same listing for another text."""
        for each in (self._tokens, self._atoms, self._paths, self._stems, self._directories, self._texts):
            if each:
                each.forget()
        self.references = self.found = self.missing = self.cells = self.characters = 0
        self.missing_sample = []

    def keep(self, container: str, name: str) -> bool:
        """Strike one file by its place; tell whether it is listed."""
        return self._paths.mark(self._key(container, name))

    # -- asking --------------------------------------------------------------------------------------------------

    def _key(self, container: str, name: str) -> bytes:
        return path_key(f"{container}/{name}" if container else name)

    def lists(self, container: str, name: str) -> bool:
        """Tell whether that file was added."""
        return self._key(container, name) in self._paths

    def has_ending(self, name: str) -> bool:
        """Tell whether any listed name ends as this one does; quicker than to look for the name itself."""
        _stem, dot, ending = name.rpartition(".")
        return not (dot and ending.isascii() and ending.isalnum()) or ending.lower().encode() in self._last

    def is_used(self, container: str, name: str) -> bool:
        """Tell whether anything that was read names the file, or a directory above it."""
        return self._directories.is_used(container) or self._is_named(self._key(container, name), name)

    def unused(self, container: str, names: Sequence[str]) -> list[str]:
        """Return those of one directory's names that nothing named."""
        if self._directories.is_used(container):
            return []
        prefix = path_key(container + "/") if container else b""
        if self._inner:
            unused, rest = self._inner.unused(self._tokens, self._paths, self._stems, prefix, list(names))
            return [*unused, *(name for name in rest if not self._is_named(prefix + path_key(name), name))]
        plain = _plain(names)
        if plain:
            folded, tokens = plain
            by_path = self._paths.seen_all([prefix + each for each in folded])
            seen = zip(names, by_path, self._tokens.seen_all(tokens), strict=True)
            names = [name for name, path, token in seen if not path and not token]
        return [name for name in names if not self._is_named(prefix + path_key(name), name)]

    def _is_named(self, key: bytes, name: str) -> bool:
        if self._paths.seen(key) or any(all(map(self._has_seen, tokens)) for tokens in spellings(name)):
            return True
        return any(map(self._stems.seen, stems(path_key(name))))

    def _has_seen(self, token: bytes) -> bool:
        return (self._tokens if b"." in token else self._atoms).seen(token)

    @staticmethod
    def is_searchable(name: str) -> bool:
        """Tell whether the name has anything to search for; what has not is held."""
        return bool(_LETTER.search(name) if name.isascii() else spellings(name))


def _slices(text: AnyStr, gaps: tuple[AnyStr, ...]) -> Iterator[AnyStr]:
    """Cut a long text between words: the beginning of a path would look like a directory's whole name."""
    begin = 0
    while len(text) - begin > _SLICE:
        end = begin + _SLICE
        gap = max(text.rfind(sign, end - _OVERLAP, end) for sign in gaps)
        yield text[begin : end if gap < 0 else gap]
        begin = end - _OVERLAP if gap < 0 else gap
    yield text[begin:]


def _plain(names: Sequence[str]) -> tuple[list[bytes], list[bytes]] | None:
    """Fold many names at once, if all are ASCII: each as ``path_key`` does, and its token, empty if it comes apart."""
    joined = "\n".join(names)
    if not joined.isascii() or joined.count("\n") != len(names) - 1:
        return None
    raw = joined.lower().encode()
    tokens = [token.strip(EDGE) for token in raw.translate(_LINES).split(b"\n")]
    return raw.split(b"\n"), [token if b"." in token and b" " not in token else b"" for token in tokens]


def _tails(word: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """Return what ends where ``word`` ends, from each of its parts on, up to the last dot."""
    begin, dot, tails = len(word) - len(parts[-1]), word.rfind(b"."), []
    for part in parts[-2::-1]:
        begin -= len(part) + 1
        if part and begin < dot:
            tails.append(word[begin:])
    return tails
