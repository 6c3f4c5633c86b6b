"""Paths as rows write them: every way to read a value as a path below a storage's root."""

from __future__ import annotations

import html
import re
from unicodedata import normalize
from urllib.parse import unquote

from dvornik.references.alphabets import mended
from dvornik.references.tokens import to_bytes

_ADDRESS = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?//[^/]*")
_ROUNDS = 3


def path_key(path: str) -> bytes:
    """Return what two spellings of one path have in common: Unicode form and letter case do not count."""
    if path.isascii():
        return path.lower().encode()
    return to_bytes(normalize("NFC", normalize("NFC", path).casefold()).replace("ı", "i"))


def tidy(path: str) -> str:
    """Drop empty and ``.`` parts, read backslashes as slashes, and let ``..`` take back the part before it."""
    parts: list[str] = []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in {"", ".", ".."}:
            parts.append(part)
    return "/".join(parts)


class Base:
    """What may stand before a path below the root: the root itself, and the address the files are served under."""

    def __init__(self, root: str = "", url: str = "") -> None:
        """Take the directory and the URL prefix; either may be unknown."""
        self.prefixes = tuple(dict.fromkeys(prefix for prefix in (tidy(root), _served(url)) if prefix))

    def readings(self, value: str) -> tuple[str, ...]:
        """Return every path below the root that ``value`` may mean, the plainest first."""
        found = dict[str, None]()
        texts = _decoded(value.strip())
        for text in (*texts, *(right for wrong in texts if not wrong.isascii() for right in mended(wrong))):
            for form in _forms(text):
                path = tidy(form)
                found[path] = None
                found.update((path[len(prefix) + 1 :], None) for prefix in self.prefixes if _below(path, prefix))
        found.pop("", None)
        return tuple(found)


def _served(url: str) -> str:
    return tidy(_ADDRESS.sub("", url, count=1))


def _below(path: str, prefix: str) -> bool:
    return path.startswith(prefix + "/")


def _decoded(value: str) -> list[str]:
    texts = [value]
    for _round in range(_ROUNDS):
        if not any(sign in texts[-1] for sign in "%&"):
            break
        for text in (unquote(texts[-1], errors="surrogateescape"), html.unescape(texts[-1])):
            if text not in texts:
                texts.append(text)
    return texts


def _forms(text: str) -> list[str]:
    """Return ``text`` with and without its host, its query and its fragment: ``?`` and ``#`` may belong to the name."""
    forms = [text]
    if _ADDRESS.match(text):
        forms.append(_ADDRESS.sub("", text, count=1))
    for form in tuple(forms):
        forms += [form.partition(sign)[0] for sign in "?#" if sign in form]
    return forms
