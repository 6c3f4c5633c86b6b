"""Owns the question what others need at this moment without having it open.

A job opens the next file of its working directory only when it comes to it; a jail's programs are loaded from its root
when they are called; a mounted overlay shows the files of its layers, and a bind mount its source, although nobody has
one of them open. A directory's descriptor says less: whoever watches an upload directory holds one all the time.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_WAYS: Final = ("cwd", "root")
_LAYERS: Final = ("lowerdir", "upperdir", "workdir")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3})")


def paths() -> frozenset[str]:
    """Return the paths, as far as we can see: directories with all that is in them, and files that are mounted."""
    return frozenset((*_of_processes(), *_of_mounts()))


def _of_processes() -> Iterator[str]:
    """Yield working and root directories; one of another mount namespace only if it has the same path here."""
    own = str(os.getpid())
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit() and name != own]
    except OSError:
        return
    for process in processes:
        for way in _WAYS:
            link = f"/proc/{process}/{way}"
            with suppress(OSError):  # it ended meanwhile, or is closed to us
                path = os.readlink(link)
                if os.path.samestat(os.stat(path), os.stat(link)):
                    yield path


def _of_mounts() -> Iterator[str]:
    """Yield the layers of overlays and the sources of bind mounts."""
    try:
        with open("/proc/self/mountinfo", "rb") as lines:
            mounts = [_Mount(line) for line in lines]
    except OSError:
        return
    for mount in mounts:
        yield from mount.layers
        for other in mounts if mount.top != "/" else ():
            yield from other.shown(mount)


class _Mount:
    """One line of mountinfo (proc(5))."""

    def __init__(self, line: bytes) -> None:
        words = [os.fsdecode(_ESCAPE.sub(_unescaped, word)) for word in line.split()]
        self._device, self.top, self._point = words[2:5]
        pairs = [option.partition("=") for option in words[-1].split(",")]
        self.layers = [path for name, _is, text in pairs if name.rstrip("+") in _LAYERS for path in _split(text)]

    def shown(self, bound: _Mount) -> Iterator[str]:
        """Yield where this mount shows, below its own top, what another one is bound to."""
        around = self.top.rstrip("/")
        if bound._device == self._device and bound.top.startswith(f"{around}/"):
            yield f"{self._point.rstrip('/')}{bound.top[len(around) :]}"


def _split(layers: str) -> list[str]:
    return [path.replace("\\:", ":") for path in re.split(r"(?<!\\):", layers) if path.startswith("/")]


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes([int(match[1], 8)])
