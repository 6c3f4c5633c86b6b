"""Owns the formats that a log is packed in: gzip, which is always there, and zstd, where Python or a package has it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import IO, Any, Final, NamedTuple, cast

from dvornik import extras
from dvornik.errors import ConfigurationError
from dvornik.languages import _

_ZSTD: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
_LEVELS: Final = {"gzip": 6, "zstd": 1}
"""Levels that are taken unasked: on logs zstd 1 packs smaller than 3, and in a third of the time of gzip 6
(bench/log_compression.py)."""
_MOST: Final = {"gzip": 9, "zstd": 19}
"""Beyond zstd's 19 memory grows to gigabytes, for him who unpacks as well."""
_SUFFIXES: Final = {"gzip": ".gz", "zstd": ".zst", "": ""}
SUFFIXES: Final = tuple(_SUFFIXES.values())


class Packing(NamedTuple):
    """One format at one level; the empty one packs nothing and copies as it is."""

    algorithm: str = ""
    level: int = 0

    @property
    def suffix(self) -> str:
        """What a packed file's name ends with."""
        return _SUFFIXES[self.algorithm]

    def writer(self, sink: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
        """Return what packs whatever is written to it into ``sink``, which stays open."""
        if self.algorithm == "gzip":
            return cast("AbstractContextManager[IO[bytes]]", _gzip().GzipFile("", "wb", self.level, sink, mtime=0))
        if self.algorithm == "zstd":
            zstd = _zstd()
            wanted = zstd.CompressionParameter
            options = {wanted.compression_level: self.level, wanted.checksum_flag: 1}
            return cast("AbstractContextManager[IO[bytes]]", zstd.ZstdFile(sink, "wb", options=options))
        return nullcontext(sink)

    def reader(self, source: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
        """Return what gives back the bytes that were packed into ``source``, which stays open."""
        if self.algorithm == "gzip":
            return cast("AbstractContextManager[IO[bytes]]", _gzip().GzipFile("", "rb", fileobj=source))
        if self.algorithm == "zstd":
            return cast("AbstractContextManager[IO[bytes]]", _zstd().ZstdFile(source, "rb"))
        return nullcontext(source)

    def broken(self) -> tuple[type[Exception], ...]:
        """Return the errors that say that a file is not packed as its name says."""
        if self.algorithm == "gzip":
            return EOFError, _gzip().BadGzipFile, _gzip().zlib.error
        return (EOFError, _zstd().ZstdError) if self.algorithm == "zstd" else ()


def found(wanted: str, level: int = 0) -> Packing:
    """Return the format that a setting asks for; ``auto`` takes zstd where it is there, level 0 the measured default.

    Raises ``ConfigurationError`` where zstd is asked for by name and is not there: another suffix than the one that was
    asked for would surprise whoever looks for the file.
    """
    algorithm = ("zstd" if _has_zstd() else "gzip") if wanted == "auto" else wanted
    if algorithm == "zstd" and not _has_zstd():
        raise ConfigurationError(
            _("zstd is not installed."),
            context="[logs] compress",
            hint=_("Say auto or gzip, or install it: {command}").format(command=extras.command("zstd")),
        )
    if algorithm == "off":
        return Packing()
    return Packing(algorithm, min(level, _MOST[algorithm]) or _LEVELS[algorithm])


def of_name(name: str) -> Packing:
    """Return the format that a file's name tells."""
    algorithm = next((each for each, suffix in _SUFFIXES.items() if suffix and name.endswith(suffix)), "")
    return Packing(algorithm)


def _has_zstd() -> bool:
    try:
        return importlib.util.find_spec(_ZSTD) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False


def _zstd() -> Any:  # noqa: ANN401 - one module on Python 3.14, another before
    return importlib.import_module(_ZSTD)


def _gzip() -> Any:  # noqa: ANN401 - loaded when it is needed: most runs pack nothing
    return importlib.import_module("gzip")
