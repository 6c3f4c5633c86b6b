"""The settings: every section and key with its type, default, limits and description, declared once."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from dvornik.databases.upkeep import Upkeep
from dvornik.policy import Policy
from dvornik.quantities import Duration, Size

AgeBy = Literal["newest", "mtime"]
AgeSetting = Annotated[
    AgeBy,
    Meta(
        description="newest: the latest of modification, change and birth (a copy is new); mtime: modification alone."
    ),
]


class AppSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[app]``: what is under care."""

    kind: Annotated[
        Literal["auto", "django", "declared"], Meta(description="auto looks for a Django project first.")
    ] = "auto"
    settings: Annotated[str, Meta(description="Django settings module; empty: as manage.py says.")] = ""
    python: Annotated[
        str, Meta(description="Python of the application's environment; empty: the one dvornik runs in.")
    ] = ""
    state: Annotated[str, Meta(description="Directory of dvornik's own state; it wants a volume in a container.")] = (
        ".dvornik"
    )
    allow_outside: Annotated[bool, Meta(description="Permit directories outside the directory of this file.")] = False
    language: Annotated[
        Literal["", "ru", "en"], Meta(description="Language of the output; empty: by the command's own rule.")
    ] = ""
    name: Annotated[
        str, Meta(description="Name of the application in metrics and messages; empty: its directory's own.")
    ] = ""


class TempSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[temp]``: temporary files."""

    paths: Annotated[list[str] | None, Meta(description="Directories; left out: found by themselves.")] = None
    patterns: Annotated[list[str], Meta(description="Names that may go (glob).")] = field(default_factory=lambda: ["*"])
    exclude: Annotated[list[str], Meta(description="Names or paths below the directory that stay (glob).")] = field(
        default_factory=list
    )
    older_than: Annotated[Duration, Meta(description="Only files at least this old.")] = Duration("24h")
    age_by: AgeSetting = "newest"
    prune_directories: Annotated[bool, Meta(description="Remove directories that are empty and old enough.")] = True


class LogsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[logs]``: outdated logs."""

    paths: Annotated[list[str] | None, Meta(description="Directories; left out: found by themselves.")] = None
    patterns: Annotated[
        list[str], Meta(description="Names that are logs (glob), in any letter case; so are their rotations.")
    ] = field(
        default_factory=lambda: [
            *("*.log", "*.log.*", "*.log-*", "*_log", "*.out", "*.err", "*.trace"),
            *("syslog", "maillog", "log"),
        ]
    )
    exclude: Annotated[list[str], Meta(description="Names or paths below the directory that stay (glob).")] = field(
        # What shippers note of how far they have read, databases, configuration: "*.log.*" would take them for logs.
        default_factory=lambda: [
            *("*.pos", "*.offset", "*.lock", "*.db", "*.sqlite*"),
            *("*.conf", "*.cfg", "*.ini", "*.toml", "*.yml", "*.yaml"),
        ]
    )
    older_than: Annotated[Duration, Meta(description="Only logs at least this old.")] = Duration("30d")
    age_by: AgeSetting = "newest"
    compress: Annotated[
        Literal["off", "gzip", "zstd", "auto"],
        Meta(description="Pack rotated logs; auto takes zstd where it is installed, else gzip."),
    ] = "off"
    compress_after: Annotated[Duration, Meta(description="Only rotated logs at least this old are packed.")] = Duration(
        "24h"
    )
    compress_level: Annotated[
        int, Meta(ge=0, le=19, description="How hard to pack: gzip 1 to 9, zstd 1 to 19; 0: the measured default.")
    ] = 0
    truncate_over: Annotated[
        Size,
        Meta(description="Cut a log in use that is larger: its older lines move into a file beside it; 0: never."),
    ] = Size("0")
    max_total: Annotated[
        Size,
        Meta(description="Most that a directory's logs may take: the oldest rotated ones go; 0: no limit."),
    ] = Size("0")


class MediaSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[media.NAME]``: a directory of media that rows refer to."""

    root: Annotated[str, Meta(min_length=1, description="The directory.")]
    url: Annotated[str, Meta(description="Address under which the files are served, such as /media/.")] = ""
    exact: Annotated[
        list[str],
        Meta(description='Columns whose value is a path below root: "table.column" or "database:table.column".'),
    ] = field(default_factory=list)
    exclude: Annotated[list[str], Meta(description="Names or paths below root that stay (glob).")] = field(
        default_factory=list
    )
    debris: Annotated[
        list[str],
        Meta(
            description="Names or paths below root (glob) that may go where nothing names them, though no file of "
            "their kind is known to be named."
        ),
    ] = field(default_factory=list)
    derivatives: Annotated[
        list[Annotated[str, Meta(pattern=r"\{(?:name|stem)\}")]],
        Meta(
            description="Own paths of thumbnails, which stay with their original: {dir}/cut/{stem}-*.*, t/{dir}/{name}."
        ),
    ] = field(default_factory=list)


class ReferencesSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[references]``: text files that may name media, searched beside the databases."""

    paths: Annotated[
        list[str], Meta(description="Files and directories: templates, Markdown, static pages, fixtures.")
    ] = field(default_factory=list)
    patterns: Annotated[list[str], Meta(description="Names that are read (glob).")] = field(
        default_factory=lambda: ["*"]
    )
    exclude: Annotated[list[str], Meta(description="Names or paths below the directory that are not read (glob).")] = (
        field(default_factory=list)
    )


class DatabaseSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[databases.NAME]``: a database of the application."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            description="SQLAlchemy URL: sqlite:///db.sqlite3, postgresql://user@host/name or mysql://user@host/name.",
        ),
    ]
    exclude: Annotated[
        list[str], Meta(description='Columns whose text is not searched for references: "table.column" (glob).')
    ] = field(default_factory=list)

    def __repr__(self) -> str:
        """Leave the address out: it may hold a password."""
        return f"DatabaseSection(exclude={self.exclude!r})"


class ComparisonSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An entry of ``where``: what a column must hold for a row to go."""

    column: Annotated[str, Meta(min_length=1, description="Column.")]
    op: Annotated[
        Literal["=", "!=", "<", "<=", ">", ">=", "in", "null", "not null"], Meta(description="How it is compared.")
    ] = "="
    value: Annotated[
        str | int | float | bool | list[str | int | float] | None,
        Meta(description='What with; a list for "in", nothing for "null" and "not null".'),
    ] = None


class RowsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[rows.NAME]`` or ``[sessions.NAME]``: rows that expire."""

    table: Annotated[str, Meta(description="Table; not with a preset.")] = ""
    column: Annotated[
        str, Meta(description="Column that holds the time of expiry (or of creation, with retention).")
    ] = ""
    database: Annotated[str, Meta(description="Name of the database.")] = "default"
    retention: Annotated[Duration, Meta(description="Kept for this long after the time in the column.")] = Duration("0")
    unit: Annotated[
        Literal["auto", "s", "ms", "us", "ns", "ticks", "filetime", "webkit", "cocoa"],
        Meta(
            description="Unit of a number since 1970, or .NET's ticks, Windows' FILETIME, WebKit's microseconds since "
            "1601, Apple's seconds since 2001; auto: found out."
        ),
    ] = "auto"
    where: Annotated[
        list[ComparisonSection],
        Meta(description='Only rows of which all this holds: {column = "status", op = "in", value = ["done"]}.'),
    ] = field(default_factory=list)
    cascade: Annotated[
        bool, Meta(description="Rows that the database itself deletes or empties with these may go too.")
    ] = False
    triggers: Annotated[
        bool, Meta(description="Rows may go although triggers (or rules) of their table act on every deletion.")
    ] = False
    archive: Annotated[
        str, Meta(description="Directory into which rows are written before they go, so that undo works; empty: none.")
    ] = ""
    preset: Annotated[str, Meta(description="Instead of table and column: the tables of a known package.")] = ""
    enabled: Annotated[bool, Meta(description="false: rows of this preset or table stay.")] = True


class SessionsSection(RowsSection, frozen=True, forbid_unknown_fields=True):
    """``[sessions.NAME]``: sessions that expire: rows as in ``[rows.NAME]``, files, or keys without an end."""

    path: Annotated[str, Meta(description="Instead of a table: a directory of sessions in files.")] = ""
    format: Annotated[
        Literal["", "django", "php", "cachelib"],
        Meta(description="Who wrote the files: Django, PHP (sess_…), or cachelib (Flask-Session)."),
    ] = ""
    prefix: Annotated[
        str, Meta(description="What the names of the files begin with; empty: sessionid for Django, sess_ for PHP.")
    ] = ""
    url: Annotated[
        str,
        Meta(
            description="Instead of a table: a Redis or Valkey, as in [cache], whose sessions without a TTL go once "
            "they have been idle for the retention."
        ),
    ] = ""
    patterns: Annotated[list[str], Meta(description="Key patterns of those sessions (glob).")] = field(
        default_factory=list
    )

    def __repr__(self) -> str:
        """Leave the address out: it may hold a password."""
        return f"SessionsSection(table={self.table!r}, path={self.path!r}, patterns={self.patterns!r})"


class CacheSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[cache]``, or one of several ``[caches.NAME]``: a cache in Redis, Valkey, memcached, or in files."""

    url: Annotated[
        str,
        Meta(
            description="Address: redis://, rediss://, unix://, redis+sentinel://, redis+cluster:// or memcached://; "
            "empty: found."
        ),
    ] = ""
    path: Annotated[str, Meta(description="Instead of an address: a directory of cache entries in files.")] = ""
    format: Annotated[
        Literal["", "django", "cachelib"],
        Meta(description="Who wrote the files: Django (.djcache), or cachelib (Flask-Caching)."),
    ] = ""
    patterns: Annotated[list[str], Meta(description="Key patterns that are the cache's own (glob).")] = field(
        default_factory=list
    )
    owned: Annotated[
        bool,
        Meta(
            description="All there is the cache's own: of a server every entry may go; of files, with --aggressive, "
            "those too that have not expired."
        ),
    ] = False
    idle: Annotated[Duration, Meta(description="Only entries that nobody asked for in this time; 0: all.")] = Duration(
        "0"
    )
    only_without_ttl: Annotated[bool, Meta(description="Only entries that never expire by themselves.")] = False

    def __repr__(self) -> str:
        """Leave the address out: it may hold a password."""
        return f"CacheSection(patterns={self.patterns!r}, owned={self.owned!r})"


class HealthSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[health]``: thresholds of the alerts."""

    max_age: Annotated[Duration, Meta(description="Alert when the last successful run is older.")] = Duration("7d")
    step_max_age: Annotated[
        Duration, Meta(description="Alert when a step that ran before has not succeeded for longer; 0: do not.")
    ] = Duration("35d")
    temp: Annotated[Size, Meta(description="Alert when temporary files take more.")] = Size("1 GB")
    logs: Annotated[Size, Meta(description="Alert when logs take more.")] = Size("500 MB")


class BackupSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[backup]``: what must exist before anything irreversible."""

    command: Annotated[list[str], Meta(description="Program and arguments, run without a shell; it must succeed.")] = (
        field(default_factory=list)
    )
    timeout: Annotated[Duration, Meta(description="The command may take this long.")] = Duration("1h")
    file: Annotated[str, Meta(description="Path or glob of a backup file.")] = ""
    max_age: Annotated[Duration, Meta(description="The newest such file must be younger.")] = Duration("26h")


class WindowSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[window]``: hours in which irreversible steps are allowed."""

    start: Annotated[str, Meta(pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$", description="HH:MM; empty: at any time.")] = ""
    end: Annotated[
        str, Meta(pattern=r"^$|^([01]\d|2[0-3]):[0-5]\d$", description="HH:MM; before start: crosses midnight.")
    ] = ""
    timezone: Annotated[str, Meta(description="Such as Europe/Moscow; empty: the server's own.")] = ""


class ScheduleSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[schedule]``: when dvornik runs by itself."""

    daily: Annotated[str, Meta(description="Temporary files: a cron expression; empty: never.")] = "0 2 * * *"
    weekly: Annotated[str, Meta(description="A full cleanup.")] = "0 3 * * 0"
    monthly: Annotated[str, Meta(description="An aggressive cleanup, the cache included.")] = "0 4 1 * *"
    timezone: Annotated[str, Meta(description="Such as Europe/Moscow; empty: the server's own.")] = ""
    jitter: Annotated[Duration, Meta(description="Start up to this much later, so that servers take turns.")] = (
        Duration("0")
    )


class LogSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[log]``: dvornik's own log."""

    path: Annotated[str, Meta(description="The maintenance log; empty: none.")] = "logs/maintenance.log"
    keep: Annotated[int, Meta(ge=1, description="Days of rotated logs that are kept.")] = 30
    format: Annotated[
        Literal["text", "json"], Meta(description="text: lines for people; json: one JSON object a line.")
    ] = "text"


class MetricsSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[metrics]``: figures for Prometheus, after each cleanup."""

    textfile: Annotated[
        str, Meta(description="Directory of node-exporter's textfile collector, or a file in it that ends in .prom.")
    ] = ""
    pushgateway: Annotated[str, Meta(description="Address of a push gateway, such as http://pushgateway:9091.")] = ""
    listen: Annotated[
        str,
        Meta(
            pattern=r"^$|^(\[[0-9A-Fa-f:.]+\]:|[^\s/@:\[\]]*:)?\d{1,5}$",
            description="Where dvornik daemon serves /metrics: a port of the loopback, or HOST:PORT; empty: nowhere.",
        ),
    ] = ""
    job: Annotated[str, Meta(min_length=1, description="Name of the job at the push gateway.")] = "dvornik"
    timeout: Annotated[Duration, Meta(description="The push gateway may take this long.")] = Duration("10s")

    def __repr__(self) -> str:
        """Leave the address out: it may hold a password."""
        return f"MetricsSection(textfile={self.textfile!r}, job={self.job!r})"


class TelemetrySection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[telemetry]``: figures and a trace of each cleanup for OpenTelemetry."""

    endpoint: Annotated[
        str,
        Meta(description="Address of a collector (OTLP over HTTP): http://collector:4318; empty: as OTEL_… say."),
    ] = ""
    timeout: Annotated[Duration, Meta(description="The collector may take this long.")] = Duration("10s")

    def __repr__(self) -> str:
        """Leave the address out: it may hold a password."""
        return f"TelemetrySection(timeout={self.timeout!r})"


class NotifySection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[notify]``: who is told when an alert begins, goes on and ends."""

    urls: Annotated[
        list[str], Meta(description="Apprise addresses: mail, Telegram, Slack, ntfy, webhooks; empty: nobody.")
    ] = field(default_factory=list)
    repeat: Annotated[Duration, Meta(description="An alert that goes on is told again after this; 0: never.")] = (
        Duration("7d")
    )
    report: Annotated[
        Literal["never", "daily", "weekly", "monthly"],
        Meta(description="How often a cleanup sends its report, as a page with charts, by mail for instance."),
    ] = "never"
    report_to: Annotated[list[str], Meta(description="Apprise addresses that get it; empty: those of urls.")] = field(
        default_factory=list
    )

    def __repr__(self) -> str:
        """Leave the addresses out: they hold tokens and passwords."""
        return f"NotifySection(repeat={self.repeat!r})"


class PingSection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ping]``: a dead-man switch elsewhere, which notices when no cleanup comes."""

    url: Annotated[
        str, Meta(description="Address to call on success; with /start before, with /fail on failure; empty: none.")
    ] = ""
    timeout: Annotated[Duration, Meta(description="A call may take this long.")] = Duration("10s")

    def __repr__(self) -> str:
        """Leave the address out: it is the key to the switch."""
        return f"PingSection(timeout={self.timeout!r})"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration. Relative paths count from the directory of the file (or the current one)."""

    app: AppSection = AppSection()
    policy: Policy = Policy()
    temp: TempSection = TempSection()
    logs: LogsSection = LogsSection()
    media: dict[str, MediaSection] = field(default_factory=dict)
    databases: dict[str, DatabaseSection] = field(default_factory=dict)
    database: Upkeep = Upkeep()
    references: ReferencesSection = ReferencesSection()
    sessions: dict[str, SessionsSection] = field(default_factory=dict)
    rows: dict[str, RowsSection] = field(default_factory=dict)
    cache: CacheSection = CacheSection()
    caches: dict[str, CacheSection] = field(default_factory=dict)
    health: HealthSection = HealthSection()
    backup: BackupSection = BackupSection()
    window: WindowSection = WindowSection()
    schedule: ScheduleSection = ScheduleSection()
    log: LogSection = LogSection()
    metrics: MetricsSection = MetricsSection()
    telemetry: TelemetrySection = TelemetrySection()
    notify: NotifySection = NotifySection()
    ping: PingSection = PingSection()
