"""What a population consists of, by what should become of it."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Manifest:
    """Names below the media, the uploads in progress and the logs; keys of sessions and of the cache."""

    scale: int
    seed: int
    now: datetime
    used: set[str] = field(default_factory=set)
    orphaned: set[str] = field(default_factory=set)
    old_temp: set[str] = field(default_factory=set)
    fresh_temp: set[str] = field(default_factory=set)
    """Also the old first part of an upload whose second part has just arrived."""
    old_logs: set[str] = field(default_factory=set)
    fresh_logs: set[str] = field(default_factory=set)
    expired_sessions: set[str] = field(default_factory=set)
    live_sessions: set[str] = field(default_factory=set)
    cache_keys: set[str] = field(default_factory=set)
    placeholders: set[str] = field(default_factory=set)
    """Names below the site's directory."""
    articles: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it in JSON's types, sets as sorted lists."""
        values = asdict(self) | {"now": self.now.isoformat()}
        return {key: sorted(value) if isinstance(value, set) else value for key, value in values.items()}
