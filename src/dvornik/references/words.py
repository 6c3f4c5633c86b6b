"""The tokens of one storage's names: which of them a piece of text holds, whatever stands right beside them."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from dvornik.references.keys import new_keys
from dvornik.references.tokens import ATOM, ATOMS, EDGE, NARROW, Slice, any_of, fold, spellings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MANY = 200
"""So many different endings make an alternation slower than looking at every dot."""
_GENERIC = rb"[0-9a-z\x80-\xff]"
_AFTER = 400
"""What may follow a name within a word is shorter."""
FLAT = bytes.maketrans(b"/\t", b"  ")
"""Makes delimiters of all that a path has in it."""
_SEPARATED = bytes.maketrans(b"_-\t", b"...")
_GLUED = re.compile(rb"\.([0-9A-Za-z\x80-\xff]{1,16})")
_RUN = re.compile(rb"[0-9a-z]{3,}")


class Words:
    """First ``add`` all of them, then strike, then ask."""

    def __init__(self) -> None:
        """Start with none."""
        self.tokens, self.atoms = new_keys(), new_keys()
        """Those with a dot in them, and those without."""
        self.endings: set[bytes] = set()
        """What of a token may follow its last dot, up to where a word might end."""
        self.last: set[bytes] = set()
        """With what a token ends."""
        self.longest = 0
        """Bytes of the longest token."""
        self._tails: set[bytes] = set()
        self._narrow = False
        self._anchors: dict[str, re.Pattern[bytes]] = {}

    def add(self, names: Iterable[str]) -> None:
        """Take note of names of any kind."""
        for name in names:
            for several in spellings(name):
                self.tokens.add_all(each for each in several if b"." in each)
                self.atoms.add_all(each for each in several if b"." not in each)
                self.note(several)

    def add_single(self, tokens: Sequence[bytes]) -> None:
        """Take note of names that are one token each."""
        self.tokens.add_all(tokens)
        self.note(tokens)

    def note(self, tokens: Iterable[bytes]) -> None:
        """Take note of what a text must hold for one of the tokens to be in it."""
        tails, longest = self._tails, self.longest
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
                self.endings.add(parts[0])
                self.last.add(parts[-1])
        self.longest = longest

    # -- striking ------------------------------------------------------------------------------------------------

    def strike(self, piece: Slice, *, known: bool = False) -> None:
        """Strike what a piece of text names; ``known``: each of its words is a value of its own."""
        if self.last:
            words = self._words(piece)
            if known:
                self.tokens.mark_known(word.strip(EDGE) for word in words)
            for word in self.tokens.mark_all(words):
                self._strike_word(word)
        if len(self.atoms):
            self._strike_atoms(piece)

    def _words(self, piece: Slice) -> set[bytes]:
        """Return the words that end, or go on, after a dot and one of the listed names' endings."""
        parts = self._anchor(piece.codec).split(piece.clean.translate(FLAT))
        words = {
            before[before.rfind(b" ") + 1 :] + ending for before, ending in zip(parts[::2], parts[1::2], strict=False)
        }
        if piece.codec in {"ascii", "utf-8"}:
            return words
        return {word.decode(piece.codec).encode() for word in words}

    def _anchor(self, codec: str) -> re.Pattern[bytes]:
        if codec not in self._anchors:
            endings = {ending.decode("utf-8", "replace").encode(codec, "ignore") for ending in self.endings} - {b""}
            self._anchors[codec] = re.compile(
                rb"(\.[_-]*" + (any_of(endings) if len(endings) <= _MANY else _GENERIC) + rb"[^ ]{0,300})"
            )
        return self._anchors[codec]

    def _strike_word(self, word: bytes) -> None:
        """Strike every listed token that lies in ``word`` between places where a name may begin and end.

        A word that is a listed token itself never comes here: it names that one, and none that its end happens to be.
        """
        word = word[-self.longest - _AFTER :]
        parts = word.translate(_SEPARATED).split(b".")
        if word.isascii() and len(word) <= self.longest and self.last.intersection(parts) == {parts[-1]}:
            self.tokens.mark_all(_tails(word, parts))
        else:
            self._strike_spans(word)

    def _strike_spans(self, word: bytes) -> None:
        atoms = [match.span() for match in ATOM.finditer(word)]
        for index in range(len(atoms) - 1, 0, -1):
            first, end = atoms[index]
            if word[first:end] in self.last:
                dot, low = word.rfind(b".", 0, end), end - self.longest
                starts = takewhile(low.__le__, (begin for begin, _end in atoms[index - 1 :: -1]))
                self.tokens.mark_all([word[begin:end] for begin in starts if begin < dot])

    def _strike_atoms(self, piece: Slice) -> None:
        self.atoms.mark_all(set(piece.clean.translate(ATOMS).split()))
        if self._narrow and piece.codec != "ascii":
            runs = set(NARROW.findall(piece.clean.decode(piece.codec, "replace")))
            self.atoms.mark_all(run.encode() for run in runs)

    def strike_glued(self, piece: bytes) -> None:
        """Strike names in binary formats, where a length or a mark that is a letter may stand right beside a name."""
        for match in _GLUED.finditer(piece):
            ending = match[1].lower()
            for length in range(1, len(ending) + 1):
                if ending[:length] in self.last:
                    end = match.start() + 1 + length
                    before = piece[max(0, end - 2 * self.longest) : end].decode("utf-8", "surrogateescape")
                    window = fold(before).encode("utf-8", "replace")
                    first = max(0, len(window) - self.longest)
                    self.tokens.mark_all(window[begin:] for begin in range(first, len(window) - length - 1))
        if len(self.atoms):
            runs = set(_RUN.findall(piece.lower()))
            self.atoms.mark_all(part for run in runs for part in (run[1:], run[:-1]))

    def forget(self) -> None:
        """Let none have been seen yet."""
        self.tokens.forget()
        self.atoms.forget()

    # -- asking --------------------------------------------------------------------------------------------------

    def has_ending(self, name: str) -> bool:
        """Tell whether any listed name ends as this one does; quicker than to look for the name itself."""
        _stem, dot, ending = name.rpartition(".")
        return not (dot and ending.isascii() and ending.isalnum()) or ending.lower().encode() in self.last

    def are_known(self, name: str) -> bool:
        """Tell whether a token of the name was seen as a value of its own."""
        return any(self.tokens.known(token) for tokens in spellings(name) for token in tokens if b"." in token)

    def are_seen(self, name: str) -> bool:
        """Tell whether all tokens of the name were seen, in any of its spellings."""
        return any(all(map(self._has_seen, tokens)) for tokens in spellings(name))

    def _has_seen(self, token: bytes) -> bool:
        return (self.tokens if b"." in token else self.atoms).seen(token)


def _tails(word: bytes, parts: Sequence[bytes]) -> list[bytes]:
    """Return what ends where ``word`` ends, from each of its parts on, up to the last dot."""
    begin, dot, tails = len(word) - len(parts[-1]), word.rfind(b"."), []
    for part in parts[-2::-1]:
        begin -= len(part) + 1
        if part and begin < dot:
            tails.append(word[begin:])
    return tails
