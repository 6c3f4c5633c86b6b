"""The names of one storage's files, struck out as texts stream by: what is left is named by nothing.

Everything here errs on one side: a file is used when all tokens of its name were seen anywhere, a listed path was
named exactly, or a directory above it was named. Memory is some ten bytes a file and token, never the text's size.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, AnyStr

from dvornik.model import Told
from dvornik.references import keys
from dvornik.references.alphabets import is_binary, other_readings, readings_of_name
from dvornik.references.cleaned import Cleaned
from dvornik.references.coded import QUOTED_PRINTABLE, decoded, regions, unquoted
from dvornik.references.companions import Companions
from dvornik.references.digests import Digests
from dvornik.references.directories import Directories
from dvornik.references.kinds import kind_of
from dvornik.references.manifests import BINARY, Patterns
from dvornik.references.owners import Owners
from dvornik.references.packed import unpacked
from dvornik.references.paths import Base, path_key
from dvornik.references.stems import Stems
from dvornik.references.tokens import CLEAN, EDGE, Slice, cut, letters, spellings, to_bytes
from dvornik.references.values import readings, values
from dvornik.references.variants import unescaped, variants
from dvornik.references.words import FLAT, Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import ModuleType

    from dvornik.references._inner import Texts
    from dvornik.references.derivatives import Pattern

_SLICE = 1 << 18
"""Characters that are looked at together: small enough for the processor's cache, large enough to amortise calls."""
_OVERLAP = 1 << 13
"""A name of 255 bytes, each byte escaped thrice, ends within this many characters."""
_LAYERS = 4
"""Texts within texts (JSON in base64 in what zlib packed) that are decoded, the outermost counted."""
_SAMPLE = 100
_SINGLY, _CATALOGUED = 2, 3
"""Files of a directory that are named singly, at least, and how many of them to one that is not."""
_LINES = CLEAN.translate(FLAT)[:10] + b"\n" + CLEAN.translate(FLAT)[11:]
"""Delimits as texts are delimited, line by line."""
_LETTER = re.compile(r"[0-9A-Za-z]")
Kinds = dict[str, tuple[int, int]]
"""By kind (kinds.py): how many files there are, and how many of them are known."""
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
        self.digests = Digests()
        self.is_elsewhere: Callable[[str], bool] | None = None
        """Of a listing of a part: whether a path below the root is there all the same, and so names no namesake."""
        self.companions = Companions(self)
        self._owners = Owners(self)
        self._whole: dict[str, bool] = {}
        self._named = 0
        self.patterns = Patterns()
        """What used texts below the root name by patterns."""
        self.manifests: list[tuple[str, tuple[str, str]]] = []
        """Those texts, each with the run in whose quarantine it lies, if it does."""
        self.sources: dict[str, Told] = {}
        """What each source told that none before it had, by its label."""
        self.untold: set[str] = set()
        """Directories of used texts that could not be read: whatever lies below may be named there."""
        self._base = Base(root, url)
        self._directories = Directories(self._base)
        self._words = Words()
        self._stems = Stems()
        self.cleaned = Cleaned()
        self._paths = keys.new_keys()
        self._inner = keys.inner
        self._texts: Texts | None = None

    def add(self, container: str, names: Sequence[str]) -> None:
        """Take note of the files of one directory (``""``: the root)."""
        self._directories.add(container)
        self._stems.add_place(container, names)
        self.digests.add(container, names)
        prefix = path_key(container + "/") if container else b""
        self._add_readings(container, names)
        if self._inner:
            names = self._add_plain(self._inner, prefix, names)
        plain = _plain(names)
        folded, tokens = plain or ([path_key(name) for name in names], [b""] * len(names))
        self._paths.add_all([prefix + each for each in folded])
        self._stems.add(folded)
        self._words.add_single([token for token in tokens if token])
        self._words.add(name for name, token in zip(names, tokens, strict=True) if not token)

    def _add_readings(self, container: str, names: Sequence[str]) -> None:
        """Take note of what paths beyond ASCII may be in other alphabets."""
        for name in names if readings_of_name(container) else _beyond_ascii(names):
            for path, last in islice(self._spelt(container, name), 1, None):
                self._paths.add_all((path,))
                self._stems.add((last,))

    def _add_plain(self, inner: ModuleType, prefix: bytes, names: Sequence[str]) -> list[str]:
        """Add what is plain among the names; return the rest."""
        tails = set[bytes]()
        words = self._words
        longest, has_uuids, rest = inner.add_names(
            words.tokens, self._paths, self._stems.keys, prefix, list(names), tails
        )
        self._stems.note(has_uuids=has_uuids)
        words.note(tails)
        words.longest = max(words.longest, longest)
        return rest  # type: ignore[no-any-return]

    def _renew(self) -> None:
        """Forget what was concluded from what was named."""
        self.companions.renew()
        self._owners.renew()
        self._whole.clear()

    # -- striking ------------------------------------------------------------------------------------------------

    def strike_texts(self, cells: Sequence[str | bytes]) -> None:
        """Strike every name that occurs in any of ``cells``, whatever stands around it and however it is escaped."""
        self.cells += len(cells)
        self._renew()
        self.cleaned.take([cell if isinstance(cell, bytes) else to_bytes(cell) for cell in cells], self.lists_stem)
        for _layer in range(_LAYERS):
            raw = [cell if isinstance(cell, bytes) else to_bytes(cell) for cell in cells]
            self._stems.strike(raw)
            cells = self._strike_layer(cells, raw)
            if not cells:
                break

    def _strike_layer(self, cells: Sequence[str | bytes], raw: list[bytes]) -> list[bytes]:
        """Strike what the cells name as they stand; return the texts within them that must be decoded first."""
        if self._inner and all(isinstance(cell, bytes) for cell in cells):
            return self._strike_plainly(raw)
        self._strike_whole(raw)
        self._strike_cells(cells)
        self._know(raw)
        return _within(raw, regions(raw), [cell for cell in raw if QUOTED_PRINTABLE.search(cell)])

    def _strike_cells(self, cells: Sequence[str | bytes]) -> None:
        raw = [cell for cell in cells if isinstance(cell, bytes)]
        texts = [cell for cell in cells if isinstance(cell, str)]
        if texts:
            self._strike_text("\n".join(texts))
        if raw:
            self._strike_raw(raw)

    def _strike_plainly(self, cells: list[bytes]) -> list[bytes]:
        """Have the plain struck in C, and see to what it hands over; as ``_strike_layer``."""
        self._texts = self._texts or self._new_texts()
        size, escaped, sure, odd, encoded, numbers, coded, whole, short, mails = self._texts.strike(cells)
        self.characters += size - sum(map(len, whole))
        for cell in whole:
            self._strike_raw([cell])
        self._know(whole)
        if escaped:
            for variant in variants(Slice(escaped, b"", "utf-8")):
                self._strike(cut(variant))
        if sure:
            self._strike(cut(sure.decode("utf-8", "surrogateescape")), known=True)
            for variant in variants(Slice(sure, b"", "utf-8")):
                self._strike(cut(variant), known=True)
        if odd:
            self._strike(cut(odd.decode("utf-8", "surrogateescape")))
        self._directories.strike_encoded(encoded)
        self._directories.strike_numbers(numbers)
        self._directories.strike_whole(cells)
        self._stems.strike_cells(short)
        mails += (cell for cell in whole if QUOTED_PRINTABLE.search(cell))
        return _within(whole, [*coded.split(b" "), *regions(whole)], mails)

    def _new_texts(self) -> Texts:
        endings, last = keys.new_keys(), keys.new_keys()
        words, places = self._words, self._directories
        endings.add_all(words.endings)
        last.add_all(words.last)
        tables = (
            words.tokens,
            words.atoms,
            self._stems.keys,
            places.keys,
            places.leaves,
            endings,
            last,
            places.parents,
        )
        flags = (not all(map(bytes.isascii, words.endings)), places.wide, places.numeric, places.beyond_ascii)
        return self._inner.Texts(tables, letters(), words.longest, *flags)  # type: ignore[no-any-return, union-attr]

    def _know(self, cells: Iterable[bytes]) -> None:
        """Make known what the cells name by values of their own."""
        tokens, stems, parents = self._words.tokens, self._stems.keys, self._directories.parents
        for cell in cells:
            for form in readings(cell):
                self._words.tokens.mark_known(values(form, tokens, stems, parents))

    def _strike_whole(self, cells: Sequence[bytes]) -> None:
        """Strike what a cell names as a whole: a file without its ending, a directory that has delimiters in it."""
        self._stems.strike_cells(cells)
        self._directories.strike_cells(cells)

    def _strike_raw(self, cells: Sequence[bytes]) -> None:
        """Join cells, as far as they are UTF-8: of a million short ones the calls would cost more than the work."""
        joined = b"\n".join(cells)
        if joined.isascii() and not is_binary(joined):
            self._strike_ascii(joined)
        else:
            plain = []
            for cell in cells:
                if is_binary(cell):
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
            self._words.strike_glued(piece)

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
            self._words.strike(piece)
            piece = cut(dense)
        self._strike(piece)
        self._directories.strike_encoded(piece.raw)
        for variant in variants(piece):
            self._strike(cut(variant))

    def _strike(self, piece: Slice, *, known: bool = False) -> None:
        self._words.strike(piece, known=known)
        self._directories.strike(piece)

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
            unknown = set(self._paths.mark_known(folded))
            values = [value for value, key in zip(values, folded, strict=True) if key in unknown]
        return [value for value in values if not self._strike_path(value)]

    def _strike_path(self, value: str) -> bool:
        readings = [path_key(path) for path in self._base.readings(value)]
        by_file = len(self._paths.mark_known(readings)) < len(readings)
        return self._directories.strike_values(readings) or by_file

    def forget(self) -> None:
        """Let nothing have been named yet: the same listing for another text."""
        self._renew()
        self.patterns = Patterns()
        self.cleaned = Cleaned()
        self.untold.clear()
        self.sources = {}
        self._named = 0
        self.manifests = []
        for each in (self._words, self._paths, self._stems, self._directories, self._texts):
            if each:
                each.forget()
        self.references = self.found = self.missing = self.cells = self.characters = 0
        self.missing_sample = []

    def keep(self, container: str, name: str, *, known: bool = False) -> bool:
        """Strike one file by its place; tell whether it is listed."""
        self._renew()
        key = self._key(container, name)
        return not self._paths.mark_known((key,)) if known else self._paths.mark(key)

    def tell(self, label: str, columns: Sequence[str], values: int) -> None:
        """Take note that a source was read, so many values: what is named by now and was not before is its own."""
        tables = (self._words.tokens, self._words.atoms, self._paths, self._stems.keys)
        named = sum(table.marked() for table in tables)
        if label:
            self.sources[label] = Told(named - self._named, values, columns)
        self._named = named

    def keep_below(self, key: bytes) -> None:
        """Strike everything below a directory, by its ``path_key``; one that is not listed is none."""
        self._directories.strike_values([key])

    # -- asking --------------------------------------------------------------------------------------------------

    def _key(self, container: str, name: str) -> bytes:
        return path_key(f"{container}/{name}" if container else name)

    def lists(self, container: str, name: str) -> bool:
        """Tell whether that file was added."""
        return self._key(container, name) in self._paths

    def has_ending(self, name: str) -> bool:
        """Tell whether any listed name ends as this one does; quicker than to look for the name itself."""
        return self._words.has_ending(name)

    def has_namesake(self, stem: str) -> bool:
        """Tell whether several listed names are that stem and an ending."""
        return self._stems.keys.again(path_key(stem))

    def akin(self, container: str, names: Sequence[str]) -> Sequence[str]:
        """Return those of one directory's names that may have another one's stem, or more."""
        if not self._inner:
            return names
        prefix = path_key(container + "/") if container else b""
        return self._inner.akin(self._words.tokens, self._paths, self._stems.keys, prefix, list(names))  # type: ignore[no-any-return]

    def endings(self) -> Iterable[bytes]:
        """Return what listed names end in, in lower case."""
        return self._words.last

    def directories(self) -> Iterable[str]:
        """Return the directories of the listing and those above them."""
        return self._directories.containers

    def holds_directory(self, container: str) -> bool:
        """Tell whether a directory, or one below it, is listed."""
        return container in self._directories.containers

    def is_used(self, container: str, name: str) -> bool:
        """Tell whether anything that was read names the file, or a directory above it."""
        is_named = self._is_kept_whole(container) or self._is_named(container, name)
        return is_named or not self._stems.without_digests(container, [name])

    def is_meant(self, container: str) -> bool:
        """Tell whether a row's own key names the directory, or one above it: by a UUID, or as a whole cell.

        Where the application makes paths of that key, no text names the files. Where it names any file beside them, it
        names those it has: so this says nothing of a directory in which a file is used, nor of a user's directory with
        many such below.
        """
        if not (self._directories.is_meant(container) or self._stems.is_meant(container)):
            return False
        meant = [each for each in _above(container) if self._is_called_so(each)]
        return not meant or self._stems.is_cut(container) or not all(map(self._owners.has_named, meant))

    def _is_called_so(self, container: str) -> bool:
        part = container.rpartition("/")[2]
        return self._directories.is_called_so(container) or self._stems.is_called_so(part)

    def has_texts(self) -> bool:
        """Tell whether any listed file may be a text, by how its name ends."""
        return len(self._words.atoms) > 0 or b"gz" in self._words.last or not BINARY.issuperset(self._words.last)

    def is_shaded(self, container: str) -> bool:
        """Tell whether a used text that may name files below this directory could not be read."""
        return bool(self.untold) and any(not each or f"{container}/".startswith(f"{each}/") for each in self.untold)

    def unused(self, container: str, names: Sequence[str]) -> list[str]:
        """Return those of one directory's names that nothing named."""
        return self.sorted(container, names)[0]

    def sorted(self, container: str, names: Sequence[str]) -> tuple[list[str], Kinds]:
        """Return those of one directory's names that nothing named, and by kind how many files there are and known.

        Known is a file that a file field, a value or a path names, or a directory around it that is named.
        """
        is_whole = self._is_kept_whole(container, names)
        kinds: Kinds = {}
        unused = self._unused(container, names, kinds)
        if is_whole:
            return [], {kind: (files, files) for kind, (files, _known) in kinds.items()}
        left = self._stems.without_digests(container, unused)
        if len(left) < len(unused):
            for name in set(unused).difference(left):
                _count(kinds, kind_of(name), 0, int(self._stems.knows_digest(container, name)))
        return left, kinds

    def _is_kept_whole(self, container: str, names: Sequence[str] = ()) -> bool:
        """Tell whether the directory, or one above it, is named, and its files are not named singly.

        A catalogue with a row for each folder and each file would hold everything for ever.
        """
        if not self._directories.is_used(container):
            return False
        if container not in self._whole:
            listed = (self.companions.beside(container) if self.companions.beside else ()) or names
            left = len(self._stems.without_digests(container, self._unused(container, listed, {})))
            named = len(listed) - left
            self._whole[container] = named < _SINGLY or left > max(1, named // _CATALOGUED)
        return self._whole[container]

    def _unused(self, container: str, names: Sequence[str], kinds: Kinds) -> list[str]:
        prefix = path_key(container + "/") if container else b""
        if self._inner:
            tables = self._words.tokens, self._paths, self._stems.keys
            unused, counted, rest = self._inner.unused(*tables, prefix, list(names))
            for kind, files, known in counted:
                _count(kinds, kind, files, known)
            if readings_of_name(container):  # of which C knows nothing
                unused = [name for name in unused if not self._is_named_after_all(container, name, kinds)]
            return [*unused, *self._rest_unused(container, rest, kinds)]
        for name in names:
            _count(kinds, kind_of(name), 1, int(self._is_known(container, name)))
        plain = _plain(names)
        if plain:
            folded, tokens = plain
            by_path = self._paths.seen_all([prefix + each for each in folded])
            seen = zip(names, by_path, self._words.tokens.seen_all(tokens), strict=True)
            names = [name for name, path, token in seen if not path and not token]
        return [name for name in names if not self._is_named(container, name)]

    def _rest_unused(self, container: str, names: Sequence[str], kinds: Kinds) -> Iterator[str]:
        """Yield those that nothing named of names that are not plain, and count them."""
        for name in names:
            is_named = self._is_named(container, name)
            _count(kinds, kind_of(name), 1, int(is_named and self._is_known(container, name)))
            if not is_named:
                yield name

    def _is_named_after_all(self, container: str, name: str, kinds: Kinds) -> bool:
        """Tell so of a name that was counted as unknown, and correct that."""
        is_named = self._is_named(container, name)
        _count(kinds, kind_of(name), 0, int(is_named and self._is_known(container, name)))
        return is_named

    def is_known(self, container: str, name: str) -> bool:
        """Tell whether a file field, a value or a path names the file, or a directory around it is named."""
        if self._is_kept_whole(container) or self._stems.knows_digest(container, name):
            return True
        return self.is_used(container, name) and self._is_known(container, name)

    def _is_known(self, container: str, name: str) -> bool:
        if self._words.are_known(name):
            return True
        keys = self._spelt(container, name)
        return any(self._paths.known(path) or self._stems.are_known(last) for path, last in keys)

    def _spelt(self, container: str, name: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys of a file's path and of its name, then those of what these may be in other alphabets."""
        path = f"{container}/{name}" if container else name
        yield path_key(path), path_key(name)
        for reading in readings_of_name(path):
            yield path_key(reading), path_key(reading.rpartition("/")[2])

    def lists_stem(self, stem: str) -> bool:
        """Tell whether any file was added that is called so without its ending."""
        return path_key(stem) in self._stems.keys

    def _is_named(self, container: str, name: str) -> bool:
        if self._words.are_seen(name):
            return True
        return any(self._paths.seen(path) or self._stems.are_seen(last) for path, last in self._spelt(container, name))

    @staticmethod
    def is_searchable(name: str) -> bool:
        """Tell whether the name has anything to search for; what has not is held."""
        return bool(_LETTER.search(name) if name.isascii() else spellings(name))


def _above(container: str) -> Iterator[str]:
    """Yield the directory and those above it."""
    while container:
        yield container
        container = container.rpartition("/")[0]


def _count(kinds: Kinds, kind: str, files: int, known: int) -> None:
    before = kinds.get(kind, (0, 0))
    kinds[kind] = before[0] + files, before[1] + known


def _within(cells: Iterable[bytes], coded: Iterable[bytes], mails: Iterable[bytes]) -> list[bytes]:
    """Return the texts that must be unpacked or decoded before they can be read."""
    found = [text for cell in cells if is_binary(cell) for text in unpacked(cell)]
    found += (text for region in coded for text in decoded(region))
    return [*found, *map(unquoted, mails)]


def _slices(text: AnyStr, gaps: tuple[AnyStr, ...]) -> Iterator[AnyStr]:
    """Cut a long text between words: the beginning of a path would look like a directory's whole name."""
    begin = 0
    while len(text) - begin > _SLICE:
        end = begin + _SLICE
        gap = max(text.rfind(sign, end - _OVERLAP, end) for sign in gaps)
        yield text[begin : end if gap < 0 else gap]
        begin = end - _OVERLAP if gap < 0 else gap
    yield text[begin:]


def _beyond_ascii(names: Sequence[str]) -> Iterator[str]:
    return iter(()) if "".join(names).isascii() else (name for name in names if not name.isascii())


def _plain(names: Sequence[str]) -> tuple[list[bytes], list[bytes]] | None:
    """Fold many names at once, if all are ASCII: each as ``path_key`` does, and its token, empty if it comes apart."""
    joined = "\n".join(names)
    if not joined.isascii() or joined.count("\n") != len(names) - 1:
        return None
    raw = joined.lower().encode()
    tokens = [token.strip(EDGE) for token in raw.translate(_LINES).split(b"\n")]
    return raw.split(b"\n"), [token if b"." in token and b" " not in token else b"" for token in tokens]
