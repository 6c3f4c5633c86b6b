"""Tells a result as one JSON document, for programs. Names that are not UTF-8 survive as lone surrogate escapes."""

from __future__ import annotations

import json
from typing import IO, TYPE_CHECKING, Any

import msgspec

from dvornik import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dvornik.model import DvornikError, Finding
    from dvornik.result import Result


def write(
    out: IO[str], result: Result, roots: Mapping[str, str], *, dry: bool, findings: Iterable[Finding] = ()
) -> None:
    """Write the document to ``out``; findings are streamed, since there may be millions of names."""
    head = json.dumps(_fields(result, roots, dry=dry), indent=1)
    out.write(head.removesuffix("\n}"))
    out.write(',\n "findings": [')
    between = "\n  "
    for finding in findings:
        out.write(between + json.dumps(msgspec.to_builtins(finding), separators=(",", ":")))
        between = ",\n  "
    out.write("]\n}\n")


def _fields(result: Result, roots: Mapping[str, str], *, dry: bool) -> dict[str, Any]:
    return {
        "dvornik": __version__,
        "run": result.run,
        "verb": result.verb,
        "dry_run": dry,
        "status": result.status,
        "exit_code": result.exit_code,
        "started": result.started,
        "seconds": round(result.seconds, 3),
        "collectors": list(result.collectors),
        "digest": result.digest,
        "roots": dict(roots),
        "totals": {rule: msgspec.to_builtins(total) for rule, total in result.totals.items()},
        "held": [{"rule": rule, "reason": reason, "count": n} for (rule, reason), n in result.held.items()],
        "surveys": msgspec.to_builtins(result.surveys),
        "refusals": msgspec.to_builtins(result.refusals),
        "troubles": msgspec.to_builtins(result.troubles),
        "failures": msgspec.to_builtins(result.failures),
    }


def error(problem: DvornikError) -> str:
    """Return an operator's problem as a document."""
    said = {"message": problem.message, "context": problem.context, "hint": problem.hint}
    return json.dumps({"error": said, "exit_code": problem.exit_code})
