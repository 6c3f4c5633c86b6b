"""The nouns that every floor speaks: what was seen, what is held and why, what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from enum import StrEnum

import msgspec


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
    NO_KEY = "no-key"
    DERIVATIVE = "derivative"
    COMPANION = "companion"
    UNSEARCHABLE = "unsearchable"
    UNFAMILIAR = "unfamiliar"
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
    UNREACHABLE = "unreachable"

    @property
    def is_failure(self) -> bool:
        """Whether the operator has something to mend (a WARNING, exit 3), rather than an ordinary keep."""
        return self in _FAILURES


_FAILURES = frozenset(
    {Reason.DENIED, Reason.READ_ONLY, Reason.IMMUTABLE, Reason.NO_SPACE, Reason.IO_ERROR, Reason.UNREACHABLE}
)

_FAILED_CALLS = frozenset({(Reason.UNSUPPORTED, "EXDEV"), (Reason.BUSY, "EBUSY")})
"""What a call on a file answered that is neither in use nor a mount: every other file there may stay as well."""


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
    ROWS_SHARE = "rows-share"
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
    size: int = 0
    """Bytes on the disk, where they were looked at."""


class Told(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one source of references, a table or a column, told of a place."""

    named: int = 0
    """Names that no source before it had named."""
    values: int = 0
    columns: Sequence[str] = ()


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
    held: int = 0
    """Items that stay though nothing refers to them, since of their kind that proves nothing."""
    has_references: bool = False
    """Whether the place is judged by references at all."""
    exact: bool = False
    """Whether ``references`` and ``found`` come from exact columns, so that a missing file is a fact."""
    sources: Mapping[str, Told] = {}
    """What each source told, by its label: ``default/app_photo.file``, ``default/article.*``."""
    reusable: int = 0
    """Of ``size``, what a database holds without using it."""
    tables: Mapping[str, tuple[int, int]] = {}
    """Of rows: the declared tables, each with how many of its rows would go, and how many it has."""
    below: Mapping[str, int] = {}
    """Bytes below the largest directories at the top (``""``: files in the root itself), where every file was seen."""


class Trouble(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place that could not be read: its collector finds nothing there, the others go on."""

    place: str
    message: str
    hint: str = ""
    context: str = ""
    """Which one exactly: a path, an address without its password."""
    collector: str = ""
    """Whose step met it; empty: known before any step."""
    steps: Sequence[str] = ()
    """Of what was known before: the collectors that it spoils; empty: every one."""

    def spoils(self, collector: str) -> bool:
        """Tell whether a collector cannot do all of its work because of it."""
        return collector == self.collector if self.collector else not self.steps or collector in self.steps


Seen = Finding | Held | Survey | Trouble


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Policy says no to some rules at a place: the gate, and the figures that it was judged by."""

    place: str
    gate: Gate
    facts: Mapping[str, int | float | str] = {}
    collector: str = ""
    rules: Sequence[str] = ()
    container: str = ""
    """The one table that it is about; empty: the whole place."""
    allowed: bool = False
    """Overridden by the operator for this run."""


class Miss(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One item of a finding that stayed, and why. ``detail`` is a fact such as an errno's name, never a sentence."""

    name: str
    reason: Reason
    detail: str = ""
    is_stuck: bool = False
    """Whether it was to come back from quarantine and waits there still."""

    @property
    def is_failure(self) -> bool:
        """Whether the operator has something to mend, rather than an ordinary keep."""
        return self.reason.is_failure or self.is_stuck or (self.reason, self.detail) in _FAILED_CALLS


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
