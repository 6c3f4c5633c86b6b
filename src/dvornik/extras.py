"""Owns which libraries the extras of this package bring, for who lacks one: by the names of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIBRARIES: Final[Mapping[str, Sequence[str]]] = {
    "docker": ("pyyaml>=6",),
    "metrics": ("prometheus-client>=0.22",),
    "mysql": ("pymysql>=1.1",),
    "notify": ("apprise>=1.9",),
    "otel": ("opentelemetry-exporter-otlp-proto-http>=1.30", "opentelemetry-sdk>=1.30"),
    "postgresql": ("psycopg[binary]>=3.2",),
    "redis": ("redis[hiredis]>=6",),
    "terminal": ("rich>=14",),
    "zstd": ("backports.zstd>=1",),
}
"""As pyproject.toml has them; a test compares."""


def command(extra: str) -> str:
    """Return the command that installs what an extra would bring into the Python that runs."""
    return " ".join(("pip install", *(f"'{library}'" for library in LIBRARIES[extra])))
