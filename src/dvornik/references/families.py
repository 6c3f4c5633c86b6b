"""Families of one place's files: the same shape of directory and of name; and whether any of them is known.

That nothing names a file tells something only where the application is known to name files of its kind. Memory is a
counter a family, never a record a file: a level with many directories becomes one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from dvornik.references.kinds import FORMS, SIZED, kind_of, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_MANY: Final = 20
"""From so many members on one of them proves too little."""
_SHARE: Final = 0.1
_SIBLINGS: Final = (16, 4, 0)
"""More directories than this beside each other are one class; once there are too many families, fewer."""
_MOST: Final = 10_000
"""Families; beyond, they are told apart less finely."""
_MOST_KINDS: Final = 200
"""Kinds of names, and affixes, in one family of directories."""
_DEPTH: Final = 40
_SHARDS: Final = 3
"""Signs of directories that a digest or a number is cut into; and so many of them are a level of such."""
_FEW: Final = 5
"""Files below each of several directories where there is one directory a row or a user."""
_OTHERS: Final = "*"

_DATE: Final = re.compile(r"(?:19|20)\d\d-\d\d(?:-\d\d)?")
_NUMBER: Final = re.compile(r"[0-9]+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_HEX: Final = re.compile(r"(?=[a-fA-F]*[0-9])[0-9a-fA-F]{6,}")
_MIXED: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9_-]{8,}")
NUMBER: Final = "{number}"
_CLASSES: Final = ((NUMBER, _NUMBER), ("{date}", _DATE), ("{uuid}", _UUID), ("{hex}", _HEX), ("{id}", _MIXED))
ANY: Final = "{any}"
SIZE: Final = "-{size}"
_CLASS_NAMES: Final = frozenset((ANY, *(name for name, _pattern in _CLASSES)))
_LAST: Final = re.compile(r"(.*?[^-_.@ ])([-_.@ ]+)([^-_.@ ]+)", re.DOTALL)
_FIRST: Final = re.compile(r"([^-_.@ ]+)([-_.@ ]+)([^-_.@ ].*)", re.DOTALL)
_DRAWN: Final = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9]{6,}|[0-9]+")


class Affix(NamedTuple):
    """What stands before or behind the name of another file."""

    before: str
    behind: str


_NO_AFFIX: Final = Affix("", "")


class Family(NamedTuple):
    """A shape, and how many of its files there are and known."""

    shape: str
    files: int
    known: int
    affix: Affix = _NO_AFFIX

    @property
    def is_known(self) -> bool:
        """Tell whether the application is known to name such files."""
        return self.known > 0 and (self.files < _MANY or self.known >= _SHARE * self.files)


class _Affixed:
    """Of files that bear one affix: how many are not named, for how many of these the rest is a file's, and known."""

    __slots__ = ("files", "known", "paired", "unnamed")

    def __init__(self) -> None:
        self.files = self.unnamed = self.paired = self.known = 0

    def add(self, files: int, unnamed: int, paired: int, known: int) -> None:
        self.files += files
        self.unnamed += unnamed
        self.paired += paired
        self.known += known


class _Node:
    """Directories of one shape."""

    __slots__ = ("affixes", "children", "kinds", "lengths", "merged")

    def __init__(self) -> None:
        self.lengths: set[int] = set()
        """Of the numbers among the directories below."""
        self.merged: set[int] = set()
        """Lengths of the words among them that are one class by now."""
        self.children: dict[str, _Node] = {}
        self.kinds: dict[str, list[int]] = {}
        self.affixes: dict[tuple[str, Affix], _Affixed] = {}

    def files(self) -> int:
        """Count the files here and below."""
        waiting, count = [self], 0
        while waiting:
            node = waiting.pop()
            count += sum(files for files, _known in node.kinds.values())
            waiting += node.children.values()
        return count

    def words(self) -> list[str]:
        """Return the directories that are no class."""
        return [name for name in self.children if name not in _CLASS_NAMES]

    def take(self, other: _Node) -> None:
        """Add another's to this one."""
        waiting = [(self, other)]
        while waiting:
            into, from_ = waiting.pop()
            for kind, (files, known) in from_.kinds.items():
                into.count(kind, files, known)
            for key, affixed in from_.affixes.items():
                into.affixed(key).add(affixed.files, affixed.unnamed, affixed.paired, affixed.known)
            into.lengths |= from_.lengths
            into.merged |= from_.merged
            for name, child in from_.children.items():
                if name in into.children:
                    waiting.append((into.children[name], child))
                else:
                    into.children[name] = child

    def merge(self, names: Iterable[str]) -> None:
        """Make one class of some of the directories below."""
        rest = self.children.pop(ANY, None) or _Node()
        for name in names:
            self.merged |= {len(name)} if name not in _CLASS_NAMES else set()
            rest.take(self.children.pop(name))
        self.children[ANY] = rest

    def count(self, kind: str, files: int, known: int) -> None:
        """Count files of one kind."""
        counted = self.kinds.get(kind)
        if counted is None:
            key = kind if len(self.kinds) < _MOST_KINDS else kind[0] + _OTHERS
            counted = self.kinds.setdefault(key, [0, 0])
        counted[0] += files
        counted[1] += known

    def affixed(self, key: tuple[str, Affix]) -> _Affixed:
        """Return the counter of an affix; one of nobody's where there are too many."""
        if key not in self.affixes and len(self.affixes) >= _MOST_KINDS:
            return _Affixed()
        return self.affixes.setdefault(key, _Affixed())


class Families:
    """First ``add`` every directory, then ``settle``, then ask."""

    def __init__(self) -> None:
        """Start with none."""
        self._root = _Node()
        self._level = 0
        """How coarse it has become."""
        self._count = 0
        self._last: tuple[str, _Node] = ("", self._root)
        self._settled: dict[tuple[str, str], Family] = {}
        self._asked: tuple[str, tuple[str, _Node]] = ("\0", ("", self._root))

    # -- counting ------------------------------------------------------------------------------------------------

    def add(self, container: str, kinds: Mapping[str, tuple[int, int]]) -> None:
        """Count the files of one directory, by kind: how many there are, and how many are known."""
        if not kinds:
            return
        node = self._node(container)
        before = len(node.kinds)
        for kind, (files, known) in kinds.items():
            node.count(kind, files, known)
        self._count += len(node.kinds) - before
        if self._count > _MOST:
            self._coarsen()

    def add_affixes(
        self, container: str, names: Sequence[str], unnamed: Sequence[str],
        lists_stem: Callable[[str], bool], is_known: Callable[[str], bool],
    ) -> None:  # fmt: skip
        """Take note of what recurs at either end of names that nothing names, where the rest is a file's own name.

        ``names`` are all of the directory, ``unnamed`` those that nothing names.
        """
        borne: dict[tuple[str, Affix], list[int]] = {}
        numbers: set[str] | None = None
        for name in unnamed:
            kind = kind_of(name)
            for affix, rest in affixes(name, kind):
                counts = borne.setdefault((kind, affix), [0, 0])
                counts[0] += 1
                if rest.isdigit():
                    numbers = {split(each)[0] for each in names} if numbers is None else numbers
                    counts[1] += rest in numbers
                else:
                    counts[1] += lists_stem(rest)
        paired = {key: counts for key, counts in borne.items() if counts[1]}
        if paired:
            self._note(self._node(container), paired, set(names).difference(unnamed), is_known)

    def _note(
        self, node: _Node, paired: Mapping[tuple[str, Affix], Sequence[int]], named: Iterable[str],
        is_known: Callable[[str], bool],
    ) -> None:  # fmt: skip
        for (kind, affix), (unnamed, rest) in paired.items():
            node.affixed((kind, affix)).add(unnamed, unnamed, rest, 0)
        for name in named:
            kind = kind_of(name)
            for affix, _rest in affixes(name, kind):
                key = (kind, affix)
                if key in paired:
                    node.affixed(key).add(1, 0, 0, int(is_known(name)))

    def _node(self, container: str) -> _Node:
        if self._last[0] != container or not container:
            node = self._root
            for part in container.split("/")[:_DEPTH] if container else ():
                node = self._child(node, part)
            self._last = container, node
        return self._last[1]

    def _child(self, node: _Node, part: str) -> _Node:
        name = class_of(part)
        if name == NUMBER:
            node.lengths.add(len(part))
        child = node.children.get(name)
        if child is None and name not in _CLASS_NAMES:
            child = node.children.get(ANY)
            node.merged |= {len(name)} if child else set()
        if child is None:
            child = node.children[name] = _Node()
            words = node.words() if len(node.children) > _SIBLINGS[self._level] else ()
            if len(words) > _SIBLINGS[self._level]:
                node.merge(words)
                child = node.children.get(name) or node.children[ANY]
        return child

    def _coarsen(self) -> None:
        """Tell families apart less finely, until there are few enough."""
        while self._count > _MOST and self._level + 1 < len(_SIBLINGS):
            self._level += 1
            for node in _nodes(self._root):
                words = node.words()
                if len(words) > _SIBLINGS[self._level]:
                    node.merge(words)
            self._count = self.count()
        self._last = "\0", self._root

    def settle(self) -> None:
        """Find out which levels are one directory a row, a user, or a part of a digest."""
        waiting = [(self._root, True)]
        while waiting:
            node, is_first = waiting.pop()
            words = node.words()
            if _are_shards(words, node) or (not is_first and _are_many_of_few(words, node)):
                node.merge(words)
            if NUMBER in node.children and node.lengths == node.merged and max(node.merged) <= _SHARDS:
                node.merge([NUMBER])
            waiting += [(child, False) for child in node.children.values()]

    # -- asking --------------------------------------------------------------------------------------------------

    def count(self) -> int:
        """Count the families, but for those that an affix makes."""
        return sum(len(node.kinds) for node in _nodes(self._root))

    def are_known(self) -> bool:
        """Tell whether the application is known to name files of each family."""
        counted = (tuple(counts) for node in _nodes(self._root) for counts in node.kinds.values())
        borne = ((each.files, each.known) for node in _nodes(self._root) for each in node.affixes.values())
        return all(Family("", files, known).is_known for files, known in (*counted, *borne))

    def of(self, container: str, name: str) -> Family:
        """Return the family of a file."""
        if self._asked[0] != container:
            self._asked = container, self._place(container)
        place, node = self._asked[1]
        kind = kind_of(name)
        if kind not in node.kinds and kind[0] + _OTHERS in node.kinds:
            kind = kind[0] + _OTHERS
        for affix, _rest in affixes(name, kind) if node.affixes else ():
            if self._recurs(node, kind, affix):
                affixed = node.affixes[kind, affix]
                return Family(_shape(place, kind, affix), affixed.files, affixed.known, affix)
        key = place, kind
        if key not in self._settled:
            self._settled[key] = self._plain(node, place, kind)
        return self._settled[key]

    def _plain(self, node: _Node, place: str, kind: str) -> Family:
        """Return what is left of a kind without those that bear an affix."""
        files, known = node.kinds.get(kind, (0, 0))
        for (each, affix), affixed in node.affixes.items():
            if each == kind and self._recurs(node, kind, affix):
                files, known = files - affixed.files, known - affixed.known
        return Family(_shape(place, kind), files, known)

    @staticmethod
    def _recurs(node: _Node, kind: str, affix: Affix) -> bool:
        affixed = node.affixes.get((kind, affix))
        return affixed is not None and 2 * affixed.paired >= affixed.unnamed and (
            2 <= affixed.files < node.kinds.get(kind, (0, 0))[0]  # noqa: PLR2004 - once is no custom
        )  # fmt: skip

    def _place(self, container: str) -> tuple[str, _Node]:
        node, parts = self._root, []
        for part in container.split("/")[:_DEPTH] if container else ():
            name = class_of(part)
            if name not in node.children or (name not in _CLASS_NAMES and ANY in node.children):
                name = ANY
            node = node.children.get(name) or _Node()
            parts.append(name)
        return "/".join(parts), node


def _nodes(root: _Node) -> Iterator[_Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children.values()


def class_of(part: str) -> str:
    """Return what a part of a path is called in a shape: its class, or itself."""
    for name, pattern in _CLASSES:
        if pattern.fullmatch(part):
            return name
    return part.replace("{", "{{") if "{" in part else part


def _are_shards(words: Sequence[str], node: _Node) -> bool:
    """Tell whether directories are parts of a digest or of a number: short, and of one length."""
    kin = len(words) + (NUMBER in node.children)
    return kin >= _SHARDS and len(set(map(len, words))) == 1 and len(words[0]) <= _SHARDS


def _are_many_of_few(words: Sequence[str], node: _Node) -> bool:
    if len(words) < _SHARDS:
        return False
    return sorted(node.children[word].files() for word in words)[len(words) // 2] < _FEW


def affixes(name: str, kind: str) -> Iterator[tuple[Affix, str]]:
    """Yield what may be an affix of a name, with the rest."""
    if SIZED in kind:
        return
    stem = split(name)[0]
    last, first = _LAST.fullmatch(stem), _FIRST.fullmatch(stem)
    if last and _is_word(last[3]):
        yield Affix("", last[2] + _word(last[3])), last[1]
    if first and _is_word(first[1]):
        yield Affix(_word(first[1]) + first[2], ""), first[3]


def _is_word(text: str) -> bool:
    return not _DRAWN.fullmatch(text)


def _word(text: str) -> str:
    return text.lower().replace("{", "{{")


def _shape(place: str, kind: str, affix: Affix = _NO_AFFIX) -> str:
    """Write a shape down; ``shapes.py`` reads it."""
    name = f"{affix.before}{FORMS[kind[0]]}{affix.behind}{kind[1:].replace(SIZED, SIZE)}"
    return f"{place}/{name}" if place else name
