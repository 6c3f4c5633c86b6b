"""What a file of sessions or of a cache says of its own end, read from its first bytes.

Nothing is ever unpickled: of a pickle only a number (or None) at the very beginning is read, opcode by opcode, and
whatever looks otherwise is not understood, which keeps the file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
import struct
import zlib
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER: Final = math.inf
_MOST: Final = 1 << 20
"""Bytes of a session that are read, packed or not: a larger one is not understood, rather than read for long."""
_DAY: Final = 86_400
_PLAUSIBLE: Final = (1e9, 2.0**32)
"""Seconds: the years 2001 to 2106. What lies outside is no time."""


class Form(NamedTuple):
    """One way of keeping a session or an entry in a file."""

    names: str
    """Expression for the names of its files, after the prefix."""
    containers: str
    """Expression for the directories below the root that hold them."""
    head: int
    """Bytes that have to be read; 0: none."""
    end: Callable[[bytes, float, int], float]
    """From the head, the time of modification and the lifetime: the end, in seconds since the epoch.

    Where the file says its end itself, the lifetime comes after that. ``NEVER`` where there is none; ``ValueError``
    where the head is not understood.
    """
    needs_lifetime: bool = False
    """Whether the file alone does not say it."""
    counters: frozenset[str] = frozenset()
    """Names under which the files are counted by whoever writes them."""


class _Session(msgspec.Struct):
    """What Django's session data says of its end, when the application set one."""

    expiry: int | str | None = msgspec.field(name="_session_expiry", default=None)


def _of_django_session(head: bytes, changed: float, lifetime: int) -> float:
    """Judge as Django's ``clearsessions`` does: by the last change, or by an end that the application set.

    A number of seconds that it set counts from the last change, and never shortens a life: Django's own file sessions
    take such a session for ever. An empty file is one that Django was about to write.
    """
    if not head:
        return changed + lifetime
    expiry = _session(head).expiry
    if not isinstance(expiry, str):
        return changed + max(lifetime, expiry or 0)
    moment = datetime.fromisoformat(expiry)
    return moment.timestamp() + (_DAY if moment.tzinfo is None else 0)  # no zone is more than a day off


def _session(text: bytes) -> _Session:
    """Read the JSON of ``data:time:signature``, which Django packs where that makes it shorter."""
    data, _, signed = text.partition(b":")
    if signed.count(b":") != 1 or len(text) == _MOST:
        raise ValueError(len(text))
    packed = data.startswith(b".")
    data = data.removeprefix(b".")
    try:
        plain = base64.b64decode(data + b"=" * (-len(data) % 4), b"-_", validate=True)
        plain = _unpacked(plain) if packed else plain
        return msgspec.json.decode(plain, type=_Session)
    except (binascii.Error, zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(type(error).__name__) from None


def _unpacked(data: bytes) -> bytes:
    opened = zlib.decompressobj()
    plain = opened.decompress(data, _MOST)
    if not opened.eof:
        raise ValueError(len(plain))
    return plain


def _of_change(head: bytes, changed: float, lifetime: int) -> float:  # noqa: ARG001 - one shape for all forms
    """Judge by the last change alone, as PHP's own collector does."""
    return changed + lifetime


def _of_django_cache(head: bytes, changed: float, lifetime: int) -> float:  # noqa: ARG001 - one shape for all forms
    """Read a pickled end, which a zlib stream follows."""
    end, rest = _pickled(head)
    if not head.startswith(b"\x80") or len(rest) < 2 or rest[0] & 15 != 8 or int.from_bytes(rest[:2], "big") % 31:  # noqa: PLR2004 - RFC 1950: method 8, and a check over two bytes
        raise ValueError(head[:1])
    if isinstance(end, int):  # Django writes none
        raise ValueError(end)
    return NEVER if end is None else _moment(end) + lifetime


def _of_cachelib(head: bytes, changed: float, lifetime: int) -> float:  # noqa: ARG001 - as above
    """Read the four bytes before the value (since cachelib 0.7), or the pickled number (before, and werkzeug)."""
    try:
        end, rest = _pickled(head)
    except ValueError:
        end, rest = None, b""
    if end is None or not rest.startswith(b"\x80"):
        if not _VALUE.match(head, 4):
            raise ValueError(head[:4])
        end = struct.unpack_from("=I", head)[0]
    return _moment(end) + lifetime if end else NEVER


_VALUE: Final = re.compile(rb"\x80[\x02-\x05]|[{\[]")
"""How a value begins: a pickle, or JSON."""


def _moment(seconds: float) -> float:
    if not _PLAUSIBLE[0] <= seconds < _PLAUSIBLE[1]:
        raise ValueError(seconds)
    return seconds


_PICKLE: Final = re.compile(
    rb"(?:\x80[\x02-\x05])?(?P<frame>\x95.{8})?"
    rb"(?P<value>K(?P<one>.)|M(?P<two>..)|J(?P<four>....)|\x8a\x05(?P<five>.{5})|G(?P<real>.{8})|N)\.",
    re.DOTALL,
)
"""PROTO, FRAME, then BININT1, BININT2, BININT, LONG1 of five bytes, BINFLOAT or NONE, then STOP (see pickletools)."""


def _pickled(head: bytes) -> tuple[float | None, bytes]:
    """Return the number (or None) that ``head`` begins with as a whole pickle, and what follows it."""
    match = _PICKLE.match(head)
    if match is None:
        raise ValueError(head[:2])
    if match["frame"] and int.from_bytes(match["frame"][1:], "little") != len(match["value"]) + 1:
        raise ValueError(match["frame"])
    rest = head[match.end() :]
    if match["value"] == b"N":
        return None, rest
    if match["real"]:
        return struct.unpack(">d", match["real"])[0], rest
    number = match["one"] or match["two"] or match["four"] or match["five"]
    return int.from_bytes(number, "little", signed=len(number) > 2), rest  # noqa: PLR2004 - the shorter two have no sign


_DIGESTS: Final = "[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128}"
_COUNTERS: Final = frozenset(
    hashlib.new(name, b"__wz_cache_count", usedforsecurity=False).hexdigest()
    for name in ("md5", "sha1", "sha256", "sha512")
)

FORMS: Final = {
    "django-session": Form("[a-z0-9]{8,}", "", _MOST, _of_django_session, needs_lifetime=True),
    "php-session": Form("[A-Za-z0-9,-]{16,256}", "(?:[A-Za-z0-9,-](?:/|$))*", 0, _of_change, needs_lifetime=True),
    "cachelib": Form(_DIGESTS, "", 20, _of_cachelib, counters=_COUNTERS),
    "django-cache": Form(r"[0-9a-f]{32}\.djcache", "", 32, _of_django_cache),
}
"""The forms that are known, by the words of the configuration."""
PREFIXES: Final = {"django-session": "sessionid", "php-session": "sess_"}
"""What names begin with, unless told otherwise."""
