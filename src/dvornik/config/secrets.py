"""Owns which values are secret, and takes them out of every text that leaves the process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus, urlsplit

from dvornik.config import addresses
from dvornik.config.addresses import SHORTEST_SECRET, passwords

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dvornik.config.sections import Config

_SHORTEST_PART: Final = 8
"""Letters of an address's part: a token is longer, and shorter words (a path, a channel) occur everywhere."""
_HEADERS: Final = tuple(f"OTEL_EXPORTER_OTLP_{signal}HEADERS" for signal in ("", "TRACES_", "METRICS_"))
"""Variables of OpenTelemetry's that hold the key to a collector."""
_PARTS: Final = re.compile(r"[/?&=#:@;,\s]+")


class Secrets:
    """The secrets of one installation: the passwords of its addresses, and whole addresses of those who are told."""

    def __init__(self, config: Config, env: Mapping[str, str], urls: Iterable[str] = ()) -> None:
        """Learn them from the settings; ``urls`` are addresses that were found, of databases and caches."""
        found = set(addresses.secret_values(env))
        found |= {word for url in (*_urls(config), *urls) for word in passwords(url)}
        found |= {
            word for url in (*config.notify.urls, *config.notify.report_to, config.ping.url) for word in _tokens(url)
        }
        found |= {value for name in _HEADERS if len(value := env.get(name, "")) >= SHORTEST_SECRET}
        found |= {word for name in _HEADERS for word in _header_values(env.get(name, ""))}
        spelt = {each for word in found for each in (word, quote(word, safe=""), quote_plus(word))}
        # The longest first: a secret within another would leave the rest of it standing.
        self._words = sorted(spelt, key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return ``text`` with three stars in place of every secret, and of every password in any address."""
        for word in self._words:
            text = text.replace(word, "***")
        return addresses.redacted(text, {})


def _urls(config: Config) -> Iterator[str]:
    yield from (section.url for section in config.databases.values())
    yield from (section.url for section in (config.cache, *config.caches.values()))
    yield from (section.url for section in config.sessions.values())
    yield config.metrics.pushgateway
    yield config.telemetry.endpoint


def _header_values(text: str) -> Iterator[str]:
    """Yield the values of ``name=value,name=value``, as they stand there and as they are meant."""
    for part in text.split(","):
        value = part.partition("=")[2].strip()
        yield from (word for word in (value, unquote(value)) if len(word) >= _SHORTEST_PART)


def _tokens(url: str) -> Iterator[str]:
    """Yield an address of a service and every part of it that may be its key: some carry it as the host."""
    yield from (word for word in (url, *passwords(url)) if len(word) >= SHORTEST_SECRET)
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    for word in _PARTS.split(url.removeprefix(f"{parts.scheme}://")):
        yield from (each for each in (word, unquote(word), unquote_plus(word)) if len(each) >= _SHORTEST_PART)
