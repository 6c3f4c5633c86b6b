"""Tells a result as one JSON document, for programs. Names that are not UTF-8 survive as lone surrogate escapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence  # noqa: TC003 - msgspec reads the annotations
from typing import IO, TYPE_CHECKING, Final

import msgspec

from dvornik import __version__
from dvornik.model import Finding, Reason, Refusal, Survey, Trouble  # noqa: TC001 - msgspec reads the annotations
from dvornik.result import Failure, Result, Total, Waiting
from dvornik.state import Weight  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dvornik.errors import DvornikError
    from dvornik.state import Run

_MOST: Final = 100
"""Failures that a report keeps in the record; the maintenance log names all."""


class Kept(msgspec.Struct, frozen=True):
    """How many items of a rule stay for one reason, as the scan saw it."""

    rule: str
    reason: Reason
    count: int


class Disk(msgspec.Struct, frozen=True):
    """Bytes of a place's file system: free before and after, and all there are."""

    root: str
    before: int
    after: int
    total: int


class Past(msgspec.Struct, frozen=True):
    """What the history knows of a run. Sizes are bytes, times seconds since the epoch."""

    run: str
    verb: str
    started: float
    seconds: float
    status: str
    done: int
    freed: int
    set_aside: int
    failed: int
    held: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a run did, or would do. Sizes are bytes, times seconds since the epoch."""

    dvornik: str
    """The version that wrote it."""
    run: str
    verb: str
    dry_run: bool
    status: str
    exit_code: int
    started: float
    seconds: float
    collectors: Sequence[str]
    digest: str
    roots: Mapping[str, str]
    """Directories under care, by ``collector/place``."""
    totals: Mapping[str, Total]
    """By rule."""
    caches: Mapping[str, Total] = {}
    """Of each cache, by its place."""
    held: Sequence[Kept]
    unfamiliar: Sequence[Waiting] = ()
    """Families of files that wait for the operator's word, the largest first."""
    surveys: Sequence[Survey]
    refusals: Sequence[Refusal]
    troubles: Sequence[Trouble]
    failures: Sequence[Failure]
    """The first of them."""
    failed: int
    """How many items could not be removed."""
    disks: Sequence[Disk] = ()
    unrecorded: str = ""
    """Why the history does not know this run; empty: it does."""
    restricted: bool | None = None
    """Whether the kernel kept the run from removing anything elsewhere (Landlock)."""
    noted: Sequence[Finding] = ()
    """What is only for the operator to decide; ``detail`` is the evidence."""
    findings: Sequence[Finding] = ()
    """What a dry run found; empty otherwise: the plan file names it."""
    history: Sequence[Past] = ()
    """The latest runs, oldest first; only in ``dvornik report``."""
    sizes: Sequence[Weight] = ()
    """How large the places were, oldest first; only in ``dvornik report``."""


def of(
    result: Result,
    roots: Mapping[str, str],
    *,
    dry: bool,
    disks: Sequence[Disk] = (),
    restricted: bool | None = None,
) -> Report:
    """Return what ``result`` amounts to."""
    return Report(
        dvornik=__version__,
        run=result.run,
        verb=result.verb,
        dry_run=dry,
        status=result.status,
        exit_code=result.exit_code,
        started=result.started,
        seconds=round(result.seconds, 3),
        collectors=list(result.collectors),
        digest=result.digest,
        roots=dict(roots),
        totals=dict(result.totals),
        caches=dict(result.caches),
        held=[Kept(rule, reason, count) for (rule, reason), count in result.held.items()],
        unfamiliar=result.waiting()[:_MOST],
        surveys=list(result.surveys),
        refusals=list(result.refusals),
        troubles=list(result.troubles),
        failures=list(result.failures),
        failed=result.failed,
        noted=list(result.noted),
        disks=disks,
        unrecorded=result.unrecorded,
        restricted=restricted,
    )


def past(run: Run) -> Past:
    """Return what the history knows of ``run``."""
    figures = {name: run.summary.get(name, 0) for name in ("done", "freed", "set_aside", "failed", "held")}
    return Past(run.id, run.verb, run.started, (run.finished or run.started) - run.started, run.status, **figures)


def revived(report: Report) -> Result:
    """Return the result that ``report`` was made of, for the words that tell one."""
    result = Result(report.run, report.verb, report.collectors)
    result.started, result.seconds, result.digest = report.started, report.seconds, report.digest
    result.totals, result.caches = dict(report.totals), dict(report.caches)
    result.held.update({(each.rule, each.reason): each.count for each in report.held})
    result.unfamiliar = {(each.place, each.shape): each for each in report.unfamiliar}
    result.surveys, result.refusals = list(report.surveys), list(report.refusals)
    result.troubles, result.failures = list(report.troubles), list(report.failures)
    result.failed_by.update((failure.rule, failure.reason) for failure in report.failures)
    result.noted, result.unrecorded = list(report.noted), report.unrecorded
    result.failed, result.interrupted = report.failed, report.status == "interrupted"
    return result


def write(out: IO[str], report: Report, findings: Iterable[Finding] = ()) -> None:
    """Write the document to ``out``; findings are streamed, since there may be millions of names."""
    fields = msgspec.to_builtins(report)
    del fields["findings"]
    out.write(json.dumps(fields, indent=1).removesuffix("\n}"))
    out.write(',\n "findings": [')
    between = "\n  "
    for finding in findings:
        out.write(between + json.dumps(msgspec.to_builtins(finding), separators=(",", ":")))
        between = ",\n  "
    out.write("]\n}\n")


def encoded(report: Report) -> str:
    """Return a report as the record keeps it: without the names that nobody would read to the end."""
    return json.dumps(msgspec.to_builtins(msgspec.structs.replace(report, failures=report.failures[:_MOST])))


def decoded(text: str) -> Report:
    """Return what ``encoded`` wrote; raise ``ValueError`` where another version wrote it otherwise."""
    return msgspec.convert(json.loads(text), Report)


def error(problem: DvornikError) -> str:
    """Return an operator's problem as a document."""
    said = {"message": problem.message, "context": problem.context, "hint": problem.hint}
    return json.dumps({"error": said, "exit_code": problem.exit_code})
