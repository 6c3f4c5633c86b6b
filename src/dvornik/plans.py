r"""Owns the plan file: JSON Lines, written once, read as often as anyone likes, approved by its digest.

The first line is the header, the last the digest of all lines before it. Names that are not UTF-8 survive: an
undecodable byte stands as a lone surrogate escape (``\udc80``), which JSON allows and ``jq`` reads.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from typing import IO, TYPE_CHECKING, Final

import msgspec

from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.model import Finding, Held, Refusal, Survey, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT: Final = 1
_KEY: Final = "line"
"""Says what a line is; no struct below may have a field of that name."""


class Header(msgspec.Struct, frozen=True):
    """What a plan was made from; ``now`` is nanoseconds since the epoch."""

    run: str
    now: int
    version: str
    collectors: Sequence[str]
    thorough: bool
    configuration: str
    fingerprints: Mapping[str, str]
    allowed: Sequence[str] = ()
    format: int = FORMAT


class End(msgspec.Struct, frozen=True):
    """The closing line."""

    lines: int
    digest: str


Line = Header | Finding | Held | Survey | Refusal | Trouble
KINDS: Final[Mapping[str, type]] = {
    "plan": Header,
    "finding": Finding,
    "held": Held,
    "survey": Survey,
    "refusal": Refusal,
    "trouble": Trouble,
    "end": End,
}
"""What a line is, by the word that says so in it."""
_NAMES: Final = {kind: name for name, kind in KINDS.items()}


_SAYS: Final = re.compile(rf'{{"{_KEY}":"(\w+)"'.encode())
"""How a line begins: to know its kind is to know what to read it as."""


def encode(line: msgspec.Struct) -> bytes:
    """Return one line of JSON, with its newline."""
    fields = {_KEY: _NAMES[type(line)], **msgspec.to_builtins(line)}
    try:
        return msgspec.json.encode(fields) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


def _decode(line: bytes) -> Line | End:
    says = _SAYS.match(line)
    kind = KINDS[says[1].decode() if says else ""]
    try:
        decoded: Line | End = msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError:  # a lone surrogate, which JSON allows and msgspec does not
        decoded = msgspec.convert(json.loads(line), kind)
    return decoded


class PlanWriter:
    """Writes a plan line by line."""

    def __init__(self, file: IO[bytes]) -> None:
        """Write to ``file``, which stays the caller's to close."""
        self._file = file
        self._hash = hashlib.sha256()
        self._lines = 0

    def add(self, line: Line) -> None:
        """Write one line."""
        data = encode(line)
        self._hash.update(data)
        self._file.write(data)
        self._lines += 1

    def finish(self) -> str:
        """Write the closing line; return the digest."""
        digest = self._hash.hexdigest()
        self._file.write(encode(End(self._lines, digest)))
        self._file.flush()
        return digest


def read(file: IO[bytes], name: str = "", *, only: Sequence[type] = ()) -> Iterator[Line]:
    """Yield the lines (of some types) of a plan whose digest is right; else raise ``ConfigurationError`` at once."""
    _verify(file, name)
    _must_be_known(file, name)
    prefixes = tuple(f'{{"{_KEY}":"{_NAMES[kind]}"'.encode() for kind in only)
    file.seek(0)
    for data in file:
        if not prefixes or data.startswith(prefixes):
            line = _decode(data)
            if not isinstance(line, End):
                yield line


def digest(file: IO[bytes], name: str = "") -> str:
    """Return the digest that a plan ends with, once it is found to be right."""
    return _verify(file, name).digest


def _verify(file: IO[bytes], name: str) -> End:
    """Read once to the end: a plan that was cut off or edited must not be half applied."""
    file.seek(0)
    running, last, lines = hashlib.sha256(), b"", 0
    for data in file:
        if last:
            running.update(last)
            lines += 1
        last = data
    try:
        end = _decode(last)
    except (ValueError, KeyError, msgspec.ValidationError, AttributeError, TypeError) as error:
        raise _unusable(name, _("Its last line is missing: it was cut off, or is no plan.")) from error
    if not isinstance(end, End) or end != End(lines, running.hexdigest()):
        raise _unusable(name, _("Its digest is wrong: it was changed after it was written."))
    return end


def _must_be_known(file: IO[bytes], name: str) -> None:
    """Refuse what another version wrote in a form of its own."""
    file.seek(0)
    try:
        header = _decode(file.readline())
    except (ValueError, KeyError, msgspec.ValidationError) as error:
        raise _unusable(name, _("It does not begin like a plan.")) from error
    if not isinstance(header, Header) or header.format != FORMAT:
        raise _unusable(name, _("It was written by another version: plan again."))


def _unusable(name: str, hint: str) -> ConfigurationError:
    return ConfigurationError(_("This plan cannot be used."), context=name, hint=hint)
