"""``dvornik why FILE``: who refers to a file, which rule holds it, or where was looked in vain."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik import state
from dvornik.cli import options
from dvornik.cli.output import answer, complain, say
from dvornik.cli.told_files import path_of
from dvornik.contracts.collector import Evidence, Explains
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.model import Reason
from dvornik.policy import lateness
from dvornik.reports import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.cli.yard import Yard

_MOST = 15


def why() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Explain why files are kept or may be removed. FILE is a path, or what a run prints."))
    @click.argument("files", nargs=-1, required=True, metavar="FILE...")
    @options.common
    @options.opened()
    def command(yard: Yard, *, files: tuple[str, ...], as_json: bool) -> int:
        paths = list(dict.fromkeys(path_of(each, yard.roots) for each in files))
        if len(paths) > 1:  # a shell's * names directories too
            paths = _without_directories(paths)
        found = _evidence(yard, paths)
        missing = any(not each.facts for evidence in found.values() for each in evidence)
        if as_json:
            told = [{"path": path, **msgspec.to_builtins(each)} for path, many in found.items() for each in many]
            answer(json.dumps(told, indent=1))
            return 2 if missing else 0
        for path, evidence in found.items():
            if len(found) > 1:
                say(words.safe(path))
            for each in evidence:
                _tell(each, path)
        return 2 if missing else 0

    return command


def _without_directories(paths: list[str]) -> list[str]:
    """Leave directories out, and say so; where there is nothing else, they are an error."""
    files = [path for path in paths if not _is_directory(path)]
    for path in paths:
        if files and path not in files:
            complain(_("⚠️ {path} is a directory: left out").format(path=words.safe(path)))
    return files or paths


def _is_directory(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114 - names may hold any bytes


def _evidence(yard: Yard, paths: Sequence[str]) -> dict[str, list[Evidence]]:
    """Return what each collector says of each file; every one looks once for all of them."""
    for path in paths:
        if _is_directory(path):
            raise ConfigurationError(_("This is a directory."), context=path, hint=_("Name a file in it."))
    now, grace = time.time_ns(), float(yard.config.policy.media_grace)
    kept = float(yard.config.policy.quarantine)
    found: dict[str, list[Evidence]] = {path: [] for path in paths}
    for collector in yard.collectors(["temp", "logs", "media"]).values():
        if isinstance(collector, Explains):
            for path, each in collector.why(paths, now).items():
                found[path].append(_with_times(_within_grace(each, grace, now), kept))
    for path, evidence in found.items():
        if not evidence:
            raise ConfigurationError(
                _("This file lies in no directory under care."),
                context=path,
                hint=_("Under care: {roots}").format(roots=", ".join(yard.roots.values()) or _("none")),
            )
    return found


def _within_grace(evidence: Evidence, grace: float, now: int) -> Evidence:
    """Add what policy says, of which collectors know nothing: media that nothing refers to may be too young."""
    time = int(evidence.facts.get("time", 0))
    if evidence.verdict not in {None, Reason.UNFAMILIAR} or not time or "quarantine" in evidence.facts:
        return evidence
    young = lateness(time, now) if time > now - int(grace * 1e9) else None
    facts = {**evidence.facts, "age": (now - time) / 1e9, "older_than": grace}
    return msgspec.structs.replace(evidence, verdict=young or evidence.verdict, facts=facts)


def _with_times(evidence: Evidence, kept: float) -> Evidence:
    """Add since when a file is in quarantine, and until when at least: seconds since the epoch."""
    run = evidence.facts.get("quarantine")
    if not run:
        return evidence
    since = state.started(str(run))
    return msgspec.structs.replace(evidence, facts={**evidence.facts, "since": since, "until": since + kept})


def _tell_set_aside(evidence: Evidence) -> None:
    """Say when a file was set aside, how it comes back, and whether anything refers to it by now."""
    since, until = (words.moment(float(evidence.facts[name])) for name in ("since", "until"))
    said = _("♻️ It is in quarantine since {since}, until {until} at least. Bring it back: dvornik undo {run}")
    say(said.format(since=since, until=until, run=evidence.facts["quarantine"]))
    if "time" in evidence.facts:
        say("   " + _("a newer file has its name by now:"))
    elif evidence.verdict:
        say("   " + _("something refers to it by now: the next run of media brings it back"))
    else:
        say("   " + _("nothing refers to it now"))


def _tell_verdict(evidence: Evidence) -> None:
    if evidence.verdict:
        say(_("🔒 It stays: {reason} ({rule})").format(reason=words.reason(evidence.verdict), rule=evidence.rule))
    elif evidence.collector != "media":
        say(f"{words.would(evidence.rule, 1)} ({evidence.rule})")
    else:
        say(_("🗑️ It may go ({rule}): nothing keeps it").format(rule=evidence.rule))


def _tell(evidence: Evidence, path: str) -> None:
    if not evidence.facts:
        say(_("❓ {path} is not there").format(path=words.safe(path)))
        return
    if "quarantine" in evidence.facts:
        _tell_set_aside(evidence)
    if "quarantine" not in evidence.facts or "time" in evidence.facts:
        _tell_verdict(evidence)
    if evidence.via:
        say("   " + _("made from {file}").format(file=words.safe(evidence.via)))
    if evidence.companion:
        _tell_companion(evidence)
        return
    for referrer in evidence.referrers:
        say("   " + _("named by {row}").format(row=words.safe(referrer)))
    if not evidence.referrers and evidence.looked:
        _tell_where(evidence)
    _tell_around(evidence)
    if "age" in evidence.facts:
        age, limit = float(evidence.facts["age"]), float(evidence.facts["older_than"])
        say("   " + _("age {age}; goes after {limit}").format(age=words.hours(age), limit=words.hours(limit)))


def _tell_companion(evidence: Evidence) -> None:
    """Say which file in use keeps one that no row names."""
    file = words.safe(evidence.companion)
    for referrer in evidence.referrers:
        say("   " + _("kept since it belongs to {file}, which {row} names").format(file=file, row=words.safe(referrer)))
    if not evidence.referrers:
        say("   " + _("kept since it belongs to {file}, which is in use").format(file=file))


def _tell_around(evidence: Evidence) -> None:
    """Say what of the directories around it keeps a file."""
    facts = {name: words.safe(str(fact)) for name, fact in evidence.facts.items()}
    if "family" in facts:
        said = _("of {family_files} files of its family {family_known} are known to be named: {family}")
        say("   " + said.format(**facts))
    if "directory" in facts:
        say("   " + _("{directory} stays with all that is in it").format(**facts))
    if "unit" in facts:
        say("   " + _("{unit} goes as a whole, and something in it is fresh or in use").format(**facts))
    if "moved" in facts:
        say("   " + _("a directory around it was moved here, or got another mode or owner, lately"))


def _tell_where(evidence: Evidence) -> None:
    if evidence.verdict in {Reason.REFERENCED, Reason.DERIVATIVE}:
        say("   " + _("no row names it by itself: several do together, or one names a file that was made from it"))
    values, size = sum(evidence.looked.values()), words.size(sum(evidence.read.values()))
    say("   " + _("looked in {n} columns, {values} values, {size}:").format(
        n=len(evidence.looked), values=values, size=size))  # fmt: skip
    ordered = sorted(evidence.looked.items(), key=lambda item: (-evidence.read.get(item[0], 0), item[0]))
    for source, count in ordered[:_MOST]:
        say(f"     {words.safe(source)}: {count} ({words.size(evidence.read.get(source, 0))})")
    if len(ordered) > _MOST:
        say("     " + _("and {n} more").format(n=len(ordered) - _MOST))
    for near in evidence.near[:3]:
        say("   " + _("nearly named by {row}").format(row=words.safe(near)))
