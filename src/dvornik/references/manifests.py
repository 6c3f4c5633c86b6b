"""Texts among the used files that name others: playlists, models, pages, styles, whatever is a text by its content.

They are read as a database's cells are, and so are those that they name, until nothing new is named. What they name
by a pattern (``chunk-$Number$.m4s``, ``{z}/{x}/{y}.png``) is kept below their directory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from dvornik.model import Reason
from dvornik.references.paths import path_key, tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dvornik.references.names import Names

BINARY: Final = frozenset(
    b"jpg jpeg jpe jfif png apng gif webp avif heic heif bmp tif tiff ico icns psd psb xcf raw cr2 cr3 nef arw "
    b"dng orf rw2 raf pef srw jp2 jxl jxr tga dds ktx ktx2 basis exr hdr mp4 m4v m4s m4a m4b mov avi mkv webm "
    b"mpg mpeg mts m2ts ogv ogg oga opus mp3 aac flac wav aif aiff wma wmv flv 3gp amr mid midi ape caf pdf doc "
    b"xls ppt docx xlsx pptx docm xlsm odt ods odp epub mobi azw azw3 djvu zip rar 7z gz tgz bz2 xz zst br lz4 "
    b"tar jar war apk ipa deb rpm iso dmg exe dll msi so dylib class pyc wasm ttf otf woff woff2 eot glb npy "
    b"npz pt pth ckpt safetensors onnx h5 hdf5 parquet arrow feather avro orc sqlite sqlite3 mdb shp shx dbf "
    b"sbn sbx pbf mvt mbtiles las laz swf cab".split()
)
"""Endings of formats that hold no text: their files are not even opened."""
_PACKED: Final = (".css.gz", ".js.gz", ".html.gz", ".json.gz", ".xml.gz", ".svg.gz")
_WAITING: Final = 500_000
"""Files that may be texts and that nothing names yet; more are not kept in mind, and then nothing goes."""
_BYTES: Final = 8 << 30
_ROUNDS: Final = 1000
_WORDS: Final = 200_000
_PATTERNS: Final = 1000
_WORD: Final = re.compile(r"""[^\s"'`<>()\[\],;|=\\]{1,1024}/[^\s"'`<>()\[\],;|=\\?#]{0,1024}""")
_HOLE: Final = (
    r"\$[A-Za-z]{1,20}(?:%0?\d{0,2}[dx])?\$|\$\{[^{}\s/]{1,40}\}|\{\{?[^{}\s/]{1,40}\}\}?|%0?\d{0,2}d|#{2,12}"
)
_PATTERN: Final = re.compile(rf"[\w./$%{{}}+@~-]{{0,200}}(?:{_HOLE})[\w./$%{{}}#+@~-]{{0,200}}")
_FILLED: Final = re.compile(_HOLE)
_ENDED: Final = re.compile(r".*\.[A-Za-z0-9]{1,8}")

File = tuple[str, str]
"""A container and a name."""
Listing = tuple[str, str, "Sequence[str]"]
"""The run whose quarantine it is (empty: none), the container, and the names."""


def may_be_text(name: str) -> bool:
    """Tell whether it is worth to look into a file of that name."""
    ending = name.rpartition(".")[2].lower()
    return not ending.isascii() or ending.encode() not in BINARY or name.lower().endswith(_PACKED)


class Patterns:
    """What texts name by a pattern: files below the directory of the text that fit it."""

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[str, dict[str, re.Pattern[str]]] = {}
        self._count = 0

    def add(self, container: str, text: str) -> None:
        """Take the patterns of a text in that directory."""
        for match in _PATTERN.finditer(text) if self._count < _PATTERNS else ():
            pattern = tidy(match[0])
            known = self._known.setdefault(container, {})
            if pattern not in known and _ENDED.fullmatch(pattern) and self._count < _PATTERNS:
                holes = [re.escape(part) for part in _FILLED.split(pattern)]
                known[pattern] = re.compile("(?:.*/)?" + "[^/]*".join(holes), re.DOTALL)
                self._count += 1

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self._count)

    def fits(self, container: str, name: str) -> bool:
        """Tell whether a file lies where a pattern looks for it."""
        place, rest = container, name
        while True:
            if any(pattern.fullmatch(rest) for pattern in self._known.get(place, {}).values()):
                return True
            if not place:
                return False
            place, _slash, last = place.rpartition("/")
            rest = f"{last}/{rest}"


class Manifests:
    """Follows what the texts of one storage name; strikes it in every storage's names."""

    def __init__(self, place: str, listed: Mapping[str, Names], read: Callable[..., Iterable[bytes | Reason]]) -> None:
        """Take the names of all storages, and what reads the files of this one."""
        self._own, self._all = listed[place], list(listed.values())
        self._read = read
        self._size = self._rounds = 0
        self._waiting: dict[tuple[str, str], list[str]] = {}
        """By run and container: files that may be texts and that nothing names."""

    def begin(self, listing: Iterable[Listing]) -> None:
        """Read every text that is used; remember those that are not, yet. To be done once all else was struck."""
        count = 0
        for run, container, names in listing:
            texts = list(filter(may_be_text, names))
            rest = self._take(run, container, texts, len(names)) if texts else []
            if rest:
                count += len(rest)
                if count > _WAITING:
                    self._own.untold.add("")
                    return
                self._waiting[run, container] = [*self._waiting.get((run, container), ()), *rest]

    def advance(self) -> bool:
        """Read those that became used meanwhile; tell whether there were any."""
        left = {place: self._take(*place, names, 0) for place, names in self._waiting.items()}
        has_read = any(len(left[place]) < len(names) for place, names in self._waiting.items())
        self._waiting = {place: names for place, names in left.items() if names}
        self._rounds += has_read
        if self._rounds > _ROUNDS:
            self._own.untold.add("")
            return False
        return has_read

    def reread(self, files: Iterable[tuple[str, File]]) -> None:
        """Read texts anew that are known to be used; each comes with the run in whose quarantine it lies."""
        for run, (container, name) in files:
            self._strike(run, container, [name])

    def _take(self, run: str, container: str, texts: list[str], count: int) -> list[str]:
        """Read those of a directory's texts that are used, return the others; ``count``: how many files it has."""
        unused = self._own.unused(container, texts)
        if len(unused) == len(texts) == count and self._own.is_meant(container):
            unused = []
        left = [name for name in unused if not self._follows(container, name)]
        known = set(left)
        used = [name for name in texts if name not in known]
        if used:
            self._strike(run, container, used)
        return left

    def _follows(self, container: str, name: str) -> bool:
        own = self._own
        return (
            bool(own.patterns and own.patterns.fits(container, name)) or own.companions.of(container, name) is not None
        )

    def _strike(self, run: str, container: str, names: Sequence[str]) -> None:
        for name, text in zip(names, self._read(container, names, run), strict=True):
            if isinstance(text, Reason):
                if text is not Reason.GONE:
                    self._own.untold.add(container)
            elif text:
                self._size += len(text)
                if self._size > _BYTES:
                    self._own.untold.add("")
                    return
                self._own.manifests.append((run, (container, name)))
                for each in self._all:
                    each.strike_texts([text])
                self._resolve(container, text.decode("utf-8", "replace"))

    def _resolve(self, container: str, text: str) -> None:
        """Strike what a text names below its own directory, and take its patterns."""
        self._own.patterns.add(container, text)
        for path in _relative(container, text):
            self._own.keep_below(path_key(path))
            above, _slash, name = path.rpartition("/")
            if name:
                self._own.keep(above, name)


def _relative(container: str, text: str) -> Iterator[str]:
    """Yield the paths that a text may name, below the root."""
    known: set[str] = set()
    for count, match in enumerate(_WORD.finditer(text)):
        if count > _WORDS:
            return
        for word in {match[0], unquote(match[0], errors="surrogateescape")}:
            if "://" not in word and word not in known:
                known.add(word)
                path = tidy(f"{container}/{word}")
                if path and path != container and not f"{container}/".startswith(f"{path}/"):
                    yield path
