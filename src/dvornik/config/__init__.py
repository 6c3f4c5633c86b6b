"""The one typed configuration: ``dvornik.toml``, ``[tool.dvornik]`` in pyproject.toml, and the environment."""

from dvornik.config.loading import Loaded, load
from dvornik.config.sections import (
    AgeBy,
    AppSection,
    BackupSection,
    CacheSection,
    Config,
    DatabaseSection,
    HealthSection,
    LogSection,
    LogsSection,
    MediaSection,
    MetricsSection,
    NotifySection,
    PingSection,
    RowsSection,
    ScheduleSection,
    TempSection,
    WindowSection,
)

__all__ = [
    "AgeBy",
    "AppSection",
    "BackupSection",
    "CacheSection",
    "Config",
    "DatabaseSection",
    "HealthSection",
    "Loaded",
    "LogSection",
    "LogsSection",
    "MediaSection",
    "MetricsSection",
    "NotifySection",
    "PingSection",
    "RowsSection",
    "ScheduleSection",
    "TempSection",
    "WindowSection",
    "load",
]
