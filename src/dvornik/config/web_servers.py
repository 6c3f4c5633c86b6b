"""Which directories nginx and Apache of this machine are configured to serve, as far as this user may read it."""

from __future__ import annotations

import glob
import os
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FILES: Final = (
    "/etc/nginx/nginx.conf",
    "/etc/nginx/conf.d/*.conf",
    "/etc/nginx/sites-enabled/*",
    "/etc/apache2/apache2.conf",
    "/etc/apache2/conf-enabled/*.conf",
    "/etc/apache2/sites-enabled/*",
    "/etc/httpd/conf/httpd.conf",
    "/etc/httpd/conf.d/*.conf",
    "/usr/local/etc/nginx/nginx.conf",
)
"""Where Debian, Fedora, BSD and the packages of nginx itself keep them."""
_WORD: Final = r"""(?:"([^"\n]+)"|'([^'\n]+)'|([^\s;"'#]+))"""
_ROOTS: Final = (
    re.compile(rf"(?:^|[\s;{{])(?:root|alias)\s+{_WORD}\s*;"),
    re.compile(rf"^\s*DocumentRoot\s+{_WORD}", re.IGNORECASE | re.MULTILINE),
    re.compile(rf"^\s*Alias\s+\S+\s+{_WORD}", re.IGNORECASE | re.MULTILINE),
)
_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)
_LONGEST: Final = 1 << 20
"""Characters of a file that are read."""


def document_roots(files: Sequence[str] = FILES) -> frozenset[str]:
    """Return the directories named there, resolved; one that is put together from variables is not known."""
    found = {word for text in _texts(files) for word in _named(text)}
    return frozenset(os.path.realpath(path) for path in found if os.path.isabs(path) and "$" not in path)  # noqa: PTH117 - a text


def _texts(files: Sequence[str]) -> Iterator[str]:
    for path in sorted({path for pattern in files for path in glob.glob(pattern)}):  # noqa: PTH207 - absolute patterns
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - as above
                yield _COMMENT.sub("", file.read(_LONGEST))
        except OSError:
            continue


def _named(text: str) -> Iterator[str]:
    for pattern in _ROOTS:
        for match in pattern.finditer(text):
            yield next(filter(None, match.groups()))
