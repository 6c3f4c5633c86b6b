"""The nouns that every floor speaks, the protocols a plug-in fulfils, and the errors an operator reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager


class Safety(StrEnum):
    """How freely a rule may be applied."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    """Needs ``--aggressive`` or its own flag."""
    REPORT = "report"
    """Never applied; for the operator's eyes."""


class Reason(StrEnum):
    """Why something that was seen is kept, or could not be taken."""

    YOUNG = "young"
    FUTURE = "future"
    EXCLUDED = "excluded"
    PLACEHOLDER = "placeholder"
    SYMLINK = "symlink"
    SPECIAL = "special"
    MOUNT = "mount"
    OPEN = "open"
    NO_APPEND = "no-append"
    UNSUPPORTED = "unsupported"
    REFERENCED = "referenced"
    NO_RETENTION = "no-retention"
    TRIGGER = "trigger"
    DERIVATIVE = "derivative"
    UNSEARCHABLE = "unsearchable"
    GROUP = "group"
    UNEXPIRED = "unexpired"
    LASTING = "lasting"
    UNKNOWN_FORMAT = "unknown-format"
    CHANGED = "changed"
    MOVED = "moved"
    GONE = "gone"
    TAKEN = "taken"
    NOT_EMPTY = "not-empty"
    NOT_WORTH_IT = "not-worth-it"
    NOT_OWN = "not-own"
    REFUSED = "refused"
    BUSY = "busy"
    NO_HEADROOM = "no-headroom"
    TOO_LONG = "too-long"
    DENIED = "denied"
    READ_ONLY = "read-only"
    IMMUTABLE = "immutable"
    NO_SPACE = "no-space"
    IO_ERROR = "io-error"

    @property
    def is_failure(self) -> bool:
        """Whether the operator has something to mend (a WARNING, exit 3), rather than an ordinary keep."""
        return self in _FAILURES


_FAILURES = frozenset({Reason.DENIED, Reason.READ_ONLY, Reason.IMMUTABLE, Reason.NO_SPACE, Reason.IO_ERROR})


class Gate(StrEnum):
    """Why policy refuses a place; each is overridden, once, by ``--allow CODE``."""

    SHARE = "cap-share"
    COUNT = "cap-count"
    BYTES = "cap-bytes"
    NO_REFERENCES = "no-references"
    REFERENCES_MISSING = "references-missing"
    REFERENCES_FELL = "references-fell"
    ORPHANS = "orphans"
    DATABASE_CHANGED = "database-changed"
    STORAGE_CHANGED = "storage-changed"
    STORAGE_EMPTY = "storage-empty"
    CONFIGURATION_CHANGED = "configuration-changed"
    BACKUP = "backup"
    WINDOW = "window"
    UNREACHABLE = "unreachable"


class Finding(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one container holds that may go, as the scan saw it: a batch, in columns of equal length.

    ``container`` is a directory below the place's root (``""`` is the root itself), a table, a key pattern. Names are
    file-system strings (undecodable bytes as surrogates). ``sizes`` are bytes on the disk, ``times`` nanoseconds since
    the epoch (the latest of all that the system records), ``versions`` opaque to everyone but the place. What is
    counted rather than named (rows, keys) has no columns but ``amount`` and ``weight`` (bytes).
    """

    rule: str
    place: str
    container: str
    names: Sequence[str] = ()
    sizes: Sequence[int] = ()
    times: Sequence[int] = ()
    versions: Sequence[str] = ()
    amount: int = 0
    weight: int = 0
    detail: str = ""
    """A word of the collector's own to its later ``apply``: a cut-off time, a run to restore from."""
    seconds: float = 0.0
    """How long it is expected to take, by the last runs; 0: nobody knows."""
    extent: int = 0
    """Bytes to read or write for it, however few of them go."""

    @property
    def count(self) -> int:
        """How many items: files, rows, keys."""
        return len(self.names) or self.amount

    @property
    def size(self) -> int:
        """Bytes on the disk (or in memory) that the items take."""
        return sum(self.sizes) or self.weight


class Held(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What was seen in one container but not planned, and why. ``names`` may be a sample: ``count`` is the truth."""

    rule: str
    place: str
    container: str
    reason: Reason
    count: int
    names: Sequence[str] = ()
    detail: str = ""


class Survey(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a collector saw of one place as a whole; the trust gates and the caps are judged from it."""

    place: str
    kind: str
    fingerprint: str
    items: int = 0
    size: int = 0
    references: int = 0
    found: int = 0
    """References whose file is there."""
    matched: int = 0
    """Items that something refers to."""
    has_references: bool = False
    """Whether the place is judged by references at all."""
    exact: bool = False
    """Whether ``references`` and ``found`` come from exact columns, so that a missing file is a fact."""
    reusable: int = 0
    """Of ``size``, what a database holds without using it."""


class Trouble(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place that could not be read: its collector finds nothing there, the others go on."""

    place: str
    message: str
    hint: str = ""
    context: str = ""
    """Which one exactly: a path, an address without its password."""
    collector: str = ""
    """Whose step it spoils; empty: known before any step."""


Seen = Finding | Held | Survey | Trouble


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Policy says no to some rules at a place: the gate, and the figures that it was judged by."""

    place: str
    gate: Gate
    facts: Mapping[str, int | float | str] = {}
    collector: str = ""
    rules: Sequence[str] = ()
    allowed: bool = False
    """Overridden by the operator for this run."""


class Miss(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One item of a finding that stayed, and why. ``detail`` is a fact such as an errno's name, never a sentence."""

    name: str
    reason: Reason
    detail: str = ""


class Outcome(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of a finding."""

    rule: str
    place: str
    container: str
    done: int
    freed: int = 0
    """Bytes that the file system (or server) got back."""
    set_aside: int = 0
    """Bytes that wait in quarantine."""
    reusable: int = 0
    """Bytes that a database may use again without giving them back."""
    missed: Sequence[Miss] = ()


class Rule(msgspec.Struct, frozen=True):
    """A kind of debris: its id, how freely it goes, and whether it can be brought back."""

    id: str
    safety: Safety = Safety.SAFE
    reversible: bool = False
    capped: bool = True
    """Whether the caps of policy count it: things given back or tidied are not losses."""
    guarded: bool = False
    """Whether a backup and the maintenance window are asked for first."""
    graced: bool = False
    """Whether policy's grace for media applies."""


class Evidence(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a collector knows of one file: who refers to it or which rule holds it, or where was looked in vain."""

    collector: str
    place: str
    verdict: Reason | None
    """Why it stays; ``None``: nothing keeps it."""
    rule: str = ""
    referrers: Sequence[str] = ()
    looked: Mapping[str, int] = {}
    """Source (``database/table.column``) to the number of values read."""
    read: Mapping[str, int] = {}
    """The same sources to the number of bytes read."""
    near: Sequence[str] = ()
    """Rows that nearly name it."""
    via: str = ""
    """The file by whose name it is known: its original, a thumbnail of it."""
    facts: Mapping[str, int | float | str] = {}


class Collector(Protocol):
    """Knows one kind of debris: how to see it, and how to take it away. Knows nothing of policy, journal or words."""

    name: ClassVar[str]
    rules: ClassVar[Mapping[str, Rule]]

    def fingerprints(self) -> Mapping[str, str]:
        """Return the identity of everything that is read or changed; a plan is good only for the same."""

    def scan(self, now: int, *, thorough: bool) -> Iterator[Seen]:
        """Stream what is seen at ``now`` (nanoseconds since the epoch). Changes nothing."""

    def apply(self, finding: Finding, run: str) -> Outcome:
        """Take away what still is as the finding saw it; expected trouble comes back as misses, not exceptions."""


@runtime_checkable
class Concurrent(Protocol):
    """A collector of whose findings several may be applied at a time, each by a thread of its own."""

    concurrent: ClassVar[frozenset[str]]
    """The rules whose findings at one place do not depend on one another."""


@runtime_checkable
class Recovers(Protocol):
    """A collector that a killed run may leave in the middle of something."""

    def recover(self) -> Iterator[Outcome]:
        """Put back what a killed run claimed without finishing. Harmless when there is nothing."""

    def tidy(self) -> None:
        """Leave no trace of claiming once a run is over."""


@runtime_checkable
class Reversible(Protocol):
    """A collector whose work can be taken back."""

    def set_aside(self) -> Mapping[str, tuple[int, int]]:
        """Return the runs that can be taken back, each with its number of files and bytes."""

    def undo(self, run: str) -> Iterator[Outcome]:
        """Put back everything that ``run`` set aside. Never overwrites."""

    def purge(self, run: str) -> Iterator[Outcome]:
        """Give the space of what ``run`` set aside back to the system, for good."""


@runtime_checkable
class SecondLook(Protocol):
    """A collector that looks again, once everything is claimed, for what became needed meanwhile."""

    def look_again(self, run: str) -> Iterator[Outcome]:
        """Return at once what became referenced since the scan; ``missed`` names it."""


@runtime_checkable
class Explains(Protocol):
    """A collector that can say what it knows of one file."""

    def why(self, path: str, now: int) -> Evidence | None:
        """Return the evidence on the file at the absolute ``path``; ``None`` if it is in no place of this one."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """The regular files of one directory, in columns, and what else was seen there."""

    container: str
    names: Sequence[str]
    sizes: Sequence[int] = ()
    times: Sequence[int] = ()
    versions: Sequence[str] = ()
    others: Sequence[Miss] = ()
    """Entries that are never touched: symlinks, devices, mounts, what could not be looked at."""


class Left(msgspec.Struct, frozen=True, gc=False):
    """A walk has finished with a directory and everything below it."""

    container: str
    time: int
    """Latest time of the directory as it was on entering, before anything in it was touched."""
    version: str
    entries: int
    """How many names it held on entering, sub-directories included."""


class Storage(Protocol):
    """One place's files: how to list them, and how to take them away so that no needed file is lost."""

    place: str

    def fingerprint(self) -> str:
        """Return what tells this storage from another at the same address."""

    def walk(self, *, with_times: bool, age_by: str = "newest") -> Iterator[Batch | Left]:
        """List every directory top down, a batch each, with a ``Left`` once all below it was listed."""

    def examine(self, container: str, names: Sequence[str], *, age_by: str = "newest") -> Batch:
        """Return the columns of the named files as they are now."""

    def locate(self, path: str) -> tuple[str, str] | None:
        """Split an absolute path into container and name; ``None`` where it is not below the root."""

    def discard(self, finding: Finding, run: str, *, keep: bool) -> Outcome:
        """Claim, verify, and then delete, or keep in quarantine under ``run``."""

    def prune(self, finding: Finding) -> Outcome:
        """Remove the named directories that are empty."""

    def quarantined(self) -> Iterator[tuple[str, Batch]]:
        """List what lies in quarantine: the run that set it aside and a batch a directory."""

    def restore(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Give back (all of, a directory of, or some names of) what ``run`` set aside. Never overwrites."""

    def purge(self, run: str, container: str | None = None, names: Sequence[str] | None = None) -> Iterator[Outcome]:
        """Remove for good (all of, a directory of, or some names of) what ``run`` set aside."""

    def recover(self) -> Iterator[Outcome]:
        """Give back what was claimed for deletion by a run that did not live to finish."""

    def tidy(self) -> None:
        """Remove the empty private directories that claiming left behind."""


class LogStorage(Storage, Protocol):
    """A storage of logs: files that others may be writing to at this moment."""

    def writers(self, container: str, name: str) -> Reason | None:
        """Say why the programs that have a log open forbid to cut it. Changes nothing."""

    def compress(self, finding: Finding, run: str, algorithm: str, level: int) -> Outcome:
        """Replace each file by a packed one beside it, once that is verified to hold the same."""

    def cut(self, finding: Finding, run: str, algorithm: str, level: int) -> Outcome:
        """Move the head of each log, down to its last lines, into a file beside it; its writers notice nothing."""


class EntryStorage(Storage, Protocol):
    """A storage of sessions or cache entries: files whose first bytes say until when they are good."""

    def heads(self, container: str, names: Sequence[str], size: int) -> Iterator[bytes | Reason]:
        """Yield the first ``size`` bytes of each file, or why they cannot be read."""


class Column(msgspec.Struct, frozen=True):
    """A column that may hold text. ``key`` names the primary key's columns, for evidence."""

    table: str
    name: str
    type: str
    schema: str = ""
    key: Sequence[str] = ()

    @property
    def label(self) -> str:
        """``table.column``, with the schema where there is one."""
        return ".".join(part for part in (self.schema, self.table, self.name) if part)


class Comparison(msgspec.Struct, frozen=True):
    """What a column must hold for a row to go. ``values`` is empty for ``null`` and ``not null``, many for ``in``.

    A cell that is NULL satisfies nothing but ``null``; texts are equal only letter by letter.
    """

    column: str
    operator: str
    values: Sequence[str | int | float | bool] = ()


class ExpiryRule(msgspec.Struct, frozen=True):
    """Rows that go: those of ``table`` whose time column ``column`` lies before now minus ``retention`` seconds."""

    name: str
    database: str
    table: str
    column: str
    retention: int = 0
    where: Sequence[Comparison] = ()
    """All of these must hold too."""
    units: int = 0
    """Of a number since 1970, how many make a second; 0: found out."""
    cascade: bool = False
    """Rows of other tables that the database itself deletes or empties with these may go too."""
    rule: str = "sessions/expired"
    archive: str = ""
    """Directory into which rows are written before they go; empty: none."""
    triggers: bool = False
    """Rows may go although the table's own triggers or rules act on it."""


class Reference(msgspec.Struct, frozen=True):
    """A foreign key that refers to a table; ``follows``: its rows are deleted or emptied along by the database."""

    table: str
    columns: Sequence[str]
    targets: Sequence[str]
    follows: bool = False
    schema: str = ""


Row = Mapping[str, object]
"""A row that went, by column, in values that JSON can hold; only the database that wrote it need understand them."""
Keep = Callable[[Sequence[Row]], None]
"""Makes rows durable before the transaction that deletes them ends; raises where it cannot."""


class TableSize(msgspec.Struct, frozen=True):
    """What one table (or a whole database file) takes, and what of it is waste; bytes."""

    table: str
    size: int
    reusable: int
    """Free pages or dead rows: bytes that optimising would make usable or give back."""
    rows: int = 0
    detail: str = ""
    bloat: int = 0
    """Bytes that only a rewrite gives back to the disk, indexes aside."""
    index_bloat: int = 0
    """Bytes that rebuilding the indexes gives back."""


class Concern(msgspec.Struct, frozen=True):
    """Something about a database that only its operator can decide: a ``kind``, where, and the evidence."""

    kind: str
    container: str
    """A table, or empty: the database or server as a whole."""
    name: str
    size: int = 0
    facts: Mapping[str, int | float | str] = {}


class Snapshot(Protocol):
    """A consistent, read-only view of one database. Fails rather than hiding rows."""

    def values(self, column: Column) -> Iterator[Sequence[str]]:
        """Stream the distinct non-empty values of one column in batches, as text; some may come again."""

    def texts(self, table: str, columns: Sequence[Column]) -> Iterator[Sequence[str | bytes]]:
        """Stream the non-empty cells of several columns of one table in batches."""

    def rows(self, column: Column) -> Iterator[tuple[str, str | bytes]]:
        """Stream the non-empty cells of one column, each after the key of its row: ``id=5``, ``a=x,b=1``."""


class Readable(Protocol):
    """Whatever may refer to files: a database, a directory of templates."""

    def columns(self) -> Sequence[Column]:
        """Return every column of every table that can hold text, untyped ones too."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Open one consistent read-only view of everything."""


@runtime_checkable
class Lockable(Protocol):
    """A database that can keep its writers out for a moment."""

    def locked(self, columns: Sequence[Column]) -> AbstractContextManager[None]:
        """Let nobody write to the tables of ``columns`` until the block ends.

        Who had written before has committed, or given up, when it begins. It is waited for no longer than seconds, in
        a way that neither lets writers queue up behind nor makes one of them the victim of a deadlock; where that
        fails, or the right to lock is missing, ``UnreachableError``.
        """


class Database(Readable, Protocol):
    """One database: how to read it, to delete expired rows gently, to measure and to optimise it."""

    place: str

    def fingerprint(self) -> str:
        """Return what tells this database from another: identity, not contents."""

    def has(self, table: str, column: str) -> bool:
        """Tell whether that column exists."""

    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """Return the kind of every column of every table: ``time``, ``number``, ``text``, ``bytes`` or ``other``."""

    def expired(self, rule: ExpiryRule, cutoff: float) -> int:
        """Count rows whose time lies before ``cutoff`` (seconds since the epoch) and to which nothing refers."""

    def referred(self, rule: ExpiryRule, cutoff: float) -> Mapping[str, int]:
        """Count rows whose time has passed but that stay, by the table that refers to them."""

    def triggers(self, table: str) -> Sequence[str]:
        """Name what the application has the database do when rows of that table are deleted; unsure counts as such."""

    def delete_expired(self, rule: ExpiryRule, cutoff: float, keep: Keep | None = None) -> Iterator[int]:
        """Delete what nothing refers to in short statements, kept first; yield the number gone after each."""

    def restore(self, table: str, rows: Sequence[Row]) -> int:
        """Insert rows that ``keep`` was given, in one transaction; return how many. Never overwrites."""

    def measure(self) -> Sequence[TableSize]:
        """Measure without changing anything."""

    def optimise(self, table: str, *, thorough: bool) -> Outcome:
        """Optimise one table (SQLite: the file); ``rule``, ``place`` and ``container`` of the outcome are filled in."""


class CacheUsage(msgspec.Struct, frozen=True):
    """What a cache holds: ``keys`` and ``size`` (bytes) of the whole server, ``matching`` of our own that may go."""

    keys: int
    size: int
    matching: int
    kept: Mapping[str, int] = {}
    """Our own that may not go, by code: ``recent``, ``expiring``, ``lfu`` (the server does not count idle time)."""
    lasting: Mapping[str, int] = {}
    """Sessions that never expire by themselves, by the beginning of their names; of the first ten thousand seen."""


class Cache(Protocol):
    """One cache: how to measure it and to drop what is its own."""

    place: str

    def fingerprint(self) -> str:
        """Return what tells this server and database from another."""

    def usage(self) -> CacheUsage:
        """Measure without changing anything."""

    def protected(self) -> Mapping[str, int]:
        """Count what is recognised as not a cache entry (sessions, queues, locks), by kind."""

    def unlink(self) -> Iterator[int]:
        """Drop the cache's own keys, a bounded batch at a time; yield the number gone after each."""


class TempPlace(msgspec.Struct, frozen=True):
    """A directory of temporary files."""

    name: str
    root: str


class LogPlace(msgspec.Struct, frozen=True):
    """A directory of logs."""

    name: str
    root: str


class ExactColumn(msgspec.Struct, frozen=True):
    """A column whose value is a path below a storage's root."""

    database: str
    table: str
    column: str


class MediaPlace(msgspec.Struct, frozen=True):
    """A directory of media and the exact columns that name files in it."""

    name: str
    root: str
    url: str = ""
    exact: Sequence[ExactColumn] = ()
    defaults: Sequence[str] = ()
    """Values that no row need hold: defaults of file fields."""
    named: Sequence[str] = ()
    """Texts in which the application itself names files: its settings, the defaults of its other fields."""


class DatabasePlace(msgspec.Struct, frozen=True):
    """A database of the application, by its URL (SQLAlchemy's form)."""

    name: str
    url: str

    def __repr__(self) -> str:
        """Name it without its address: that may hold a password."""
        return f"DatabasePlace({self.name!r})"


class CachePlace(msgspec.Struct, frozen=True):
    """A cache and the glob patterns of the keys that are its own; ``owned`` means that the whole database is."""

    name: str
    url: str
    patterns: Sequence[str] = ()
    owned: bool = False
    idle: int = 0
    """Only entries that nobody has asked for in this many seconds; 0: all."""
    only_without_ttl: bool = False
    """Only entries that never expire by themselves."""
    of_sessions: bool = False
    """The patterns are of sessions: nothing but those goes, where it never expires by itself and has been idle."""

    def __repr__(self) -> str:
        """Name it without its address: that may hold a password."""
        return f"CachePlace({self.name!r})"


class EntryPlace(msgspec.Struct, frozen=True):
    """A directory of files each of which is good until a time of its own: sessions, or entries of a cache."""

    name: str
    root: str
    form: str
    """How they are written: ``django-session``, ``php-session``, ``cachelib`` or ``django-cache``."""
    lifetime: int = 0
    """Seconds from a file's last change to its end, where it does not say that itself."""
    prefix: str = ""
    """What their names begin with."""
    owned: bool = False
    """Everything so called may go when asked thoroughly."""
    has_sessions: bool = False
    """Of a cache: the application keeps its sessions in it, so that it is never owned."""


class Found(msgspec.Struct, frozen=True):
    """Where a place was learnt from, for the operator: ``how`` is a code such as ``django`` or ``environment``."""

    what: str
    where: str
    how: str


class App(msgspec.Struct, frozen=True):
    """The application under care: its places and what refers to them."""

    root: str
    kind: str
    temp: Sequence[TempPlace] = ()
    logs: Sequence[LogPlace] = ()
    media: Sequence[MediaPlace] = ()
    databases: Sequence[DatabasePlace] = ()
    caches: Sequence[CachePlace] = ()
    expiry: Sequence[ExpiryRule] = ()
    session_files: Sequence[EntryPlace] = ()
    session_stores: Sequence[CachePlace] = ()
    """Servers on which sessions without an end are to be ended by idle time."""
    cache_files: Sequence[EntryPlace] = ()
    texts: Sequence[str] = ()
    """Files and directories whose texts may name media."""
    cache_tables: Sequence[ExpiryRule] = ()
    """Tables of the database that hold nothing but a cache, which may go as a whole when asked thoroughly."""
    session_servers: Sequence[str] = ()
    """Servers of memcached (``host:port`` or a path) that hold the sessions, which a flush would end."""
    found: Sequence[Found] = ()
    trouble: Sequence[Trouble] = ()

    @property
    def has_cache(self) -> bool:
        """Whether there is a cache of any kind."""
        return bool(self.caches or self.cache_files or self.cache_tables)


class DvornikError(Exception):
    """An operator's problem: what happened, where, and what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, context: str = "", hint: str = "") -> None:
        """Take one sentence each; none may hold a secret."""
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint


class ConfigurationError(DvornikError):
    """The configuration, or a flag, is not usable."""

    exit_code = 2


class RefusedError(DvornikError):
    """Policy refused the run."""

    exit_code = 10


class LockedError(DvornikError):
    """Another run holds the lock."""

    exit_code = 11


class UnreachableError(DvornikError):
    """A place cannot be reached."""

    exit_code = 12
