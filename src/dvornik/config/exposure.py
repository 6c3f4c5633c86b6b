"""What of ours a web server may hand out: the warning, with the lines that keep nginx and Apache from it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dvornik import served
from dvornik.config import addresses
from dvornik.config.problems import Problem
from dvornik.config.web_servers import document_roots
from dvornik.languages import _
from dvornik.storages import quarantine

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from dvornik.application import App
    from dvornik.config.loading import Loaded

_ADDRESS: Final = re.compile(r"""[a-z0-9+]+://[^\s"']+""", re.IGNORECASE)


def exposures(loaded: Loaded, app: App) -> Iterator[Problem]:
    """Yield a warning for each thing of ours that lies where a web server serves it, or is configured to."""
    public = frozenset(map(os.path.realpath, [*(place.root for place in app.media), *app.static]))
    served_too = public | document_roots()
    ours = {"app.state": loaded.config.app.state, "log.path": loaded.config.log.path}
    ours |= {"dvornik.toml": str(loaded.source or "")}
    for place in app.media:
        with suppress(OSError):  # a root that is not there is told by itself
            ours[f"media.{place.name}.root"] = quarantine.base_for(os.path.realpath(place.root), public)
    for key, path in ours.items():
        if path and (found := exposure(key, path, served_too)):
            yield found


def exposure(key: str, path: str, public: Collection[str]) -> Problem | None:
    """Return the warning where ``path`` lies in a directory that is served; ``public``: directories known for that."""
    around = served.root_of(os.path.dirname(os.path.realpath(path)), public)  # noqa: PTH120 - a text
    if not around:
        return None
    pattern = "/" + re.escape(os.path.basename(path))  # noqa: PTH119 - as above
    message = _("a web server may serve {around}, and {path} lies in it").format(around=around, path=path)
    hint = _("Deny it. nginx: {nginx} Apache: {apache}").format(
        nginx=f"location ~ {pattern} {{ return 404; }}", apache=f'RedirectMatch 404 "{pattern}"'
    )
    return Problem(key, path, message, hint)


def exposed_password(source: Path | None, public: Collection[str]) -> Problem | None:
    """Return the warning where the configuration at ``source`` holds a password and lies where it is served."""
    try:
        holds = source is not None and holds_password(source.read_text("utf-8", "replace"))
    except OSError:
        return None
    return exposure("dvornik.toml", str(source), public) if holds else None


def holds_password(text: str) -> bool:
    """Tell whether an address in ``text`` has its password in it, and not in a variable."""
    found = _ADDRESS.findall(text)
    return any(addresses.without_password(address) != address and "${" not in address for address in found)
