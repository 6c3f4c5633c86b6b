"""``dvornik undo`` and ``dvornik purge``: bring back what a run set aside, or let go of it for good."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from dvornik import state
from dvornik.cli import options
from dvornik.cli.cleaning import confirm_purge, lock, recover, tell_left_behind
from dvornik.cli.output import answering, say
from dvornik.collectors.sessions import PURGE, RETURN, Sessions
from dvornik.errors import ConfigurationError, RefusedError, UnreachableError
from dvornik.languages import _, ngettext
from dvornik.model import Reason
from dvornik.policy import CAPS
from dvornik.reports import document, text, words
from dvornik.result import Result

if TYPE_CHECKING:
    from dvornik.cli.yard import Yard
    from dvornik.engine import Engine
    from dvornik.model import Refusal

REVERSIBLE = ("temp", "logs", "media", "sessions")
"""Collectors that set aside; building others would only cost time."""
ROWS = frozenset({RETURN, PURGE})
"""Rules that count rows rather than files."""


def undo() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Bring back what a run set aside (the latest by default). Overwrites nothing."))
    @click.argument("run", required=False)
    @options.common
    @options.opened()
    def command(yard: Yard, *, run: str | None, as_json: bool) -> int:
        lock(yard, quiet=as_json)
        engine = yard.engine(REVERSIBLE)
        waiting = engine.set_aside()
        tell_left_behind(yard, loud=True)
        chosen = _one_of(waiting, run) if run else next(reversed(waiting), None)
        if chosen is None:
            _must_be_there(yard)
            if as_json:
                with answering() as out:
                    document.write(out, document.of(Result("", "undo", REVERSIBLE), yard.roots, dry=False))
            else:
                say(_("Nothing is set aside: there is nothing to bring back."))
            return 0
        new = state.new_run()
        yard.log.started(new, f"undo {chosen}")
        return _told(yard, engine, engine.undo(chosen, new), as_json=as_json)

    return command


def _must_be_there(yard: Yard) -> None:
    """Fail where a place cannot be reached that has been cleaned before: what it holds is not nothing."""
    for name, (_root, storage) in yard.storages().items():
        if yard.state.last_survey(name):
            storage.fingerprint()


def purge() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Delete for good what runs set aside, after a last look at what refers to it."))
    @click.argument("run", required=False)
    @click.option("--all", "everything", is_flag=True, help=_("Also what undo could still bring back."))
    @click.option("--yes", "-y", is_flag=True, help=_("Do not ask."))
    @options.allow
    @options.common
    @options.opened()
    def command(yard: Yard, *, run: str | None, everything: bool, yes: bool, allow: list[str], as_json: bool) -> int:
        lock(yard, quiet=as_json)
        engine = yard.engine(REVERSIBLE)
        recover(engine, quiet=as_json)
        waiting = engine.set_aside()
        tell_left_behind(yard, loud=True)
        chosen = _purgeable(yard, waiting, run, everything=everything)
        if chosen:
            must_be_trusted(yard, engine, allow)
        if chosen and not yes:
            confirm_purge(sum(waiting[each][0] for each in chosen), sum(waiting[each][1] for each in chosen))
        new = state.new_run()
        yard.log.started(new, f"purge {' '.join(chosen)}".rstrip())
        return _told(yard, engine, engine.purge(chosen, new), as_json=as_json)

    return command


def must_be_trusted(yard: Yard, engine: Engine, allowed: list[str]) -> None:
    """Raise ``RefusedError`` where a gate or a guard forbids what cannot be undone."""
    refused = _distrusted(engine, allowed)
    refused += [refusal for refusal in yard.guard() if refusal.gate not in allowed]
    if refused:
        raise RefusedError(
            words.gate(refused[0]),
            hint=_("To go on knowingly, once: add --allow {gates}").format(gates=refused[0].gate),
        )


def _distrusted(engine: Engine, allowed: list[str]) -> list[Refusal]:
    """Ask the trust gates first: an emptied database would call everything unneeded."""
    with state.scratch_plan() as sink:
        result = engine.plan(state.new_run(), sink, allowed=allowed)
    for trouble in result.troubles:
        if trouble.collector == Sessions.name:  # rows refer to no file that is set aside
            continue
        raise UnreachableError(trouble.message, context=trouble.context, hint=trouble.hint)
    return [refusal for refusal in result.open_refusals if refusal.gate not in CAPS]


def _purgeable(yard: Yard, waiting: dict[str, tuple[int, int]], run: str | None, *, everything: bool) -> list[str]:
    if run:
        return [_one_of(waiting, run)]
    limit = time.time() - yard.config.policy.quarantine
    return [each for each in waiting if everything or state.started(each) <= limit]


def _one_of(waiting: dict[str, tuple[int, int]], run: str) -> str:
    matching = [each for each in waiting if each.startswith(run)]
    if len(matching) != 1:
        raise ConfigurationError(
            _("No such run has anything set aside.") if not matching else _("More than one run begins so."),
            context=run,
            hint=_("These have: {runs}").format(runs=", ".join(waiting) or _("none")),
        )
    return matching[0]


def _told(yard: Yard, engine: Engine, result: Result, *, as_json: bool) -> int:
    yard.log.finished(result.status, result.seconds, result.summary()["freed"], failed=bool(result.exit_code))
    yard.record_quarantine(engine)
    if as_json:
        with answering() as out:
            document.write(out, document.of(result, yard.roots, dry=False))
        return result.exit_code
    return tell(result)


def tell(result: Result) -> int:
    """Say what was brought back or deleted, and what was not; return the exit code."""
    rows = {rule: total.done for rule, total in result.totals.items() if rule in ROWS and total.done}
    back = sum(total.done for rule, total in result.totals.items() if rule.endswith("return") and rule not in ROWS)
    gone = sum(total.done for rule, total in result.totals.items() if rule.endswith("purge") and rule not in ROWS)
    say(*(words.did(rule, count) for rule, count in rows.items()))
    if (result.verb == "undo" and not rows) or back:
        say(ngettext("↩️ Brought back {n} file", "↩️ Brought back {n} files", back).format(n=back))
    if result.verb == "purge":
        say(words.did("media/purge", gone), *text.space(result))
    say(*text.kept(result), *text.trouble(result))
    taken = sum(total.missed.get(Reason.TAKEN, 0) for total in result.totals.values())
    if taken:
        say(
            ngettext(
                "⚠️ {n} file stays set aside: its name is taken by a newer one",
                "⚠️ {n} files stay set aside: their names are taken by newer ones",
                taken,
            ).format(n=taken)
        )
        return 3
    return result.exit_code
