"""One cleanup from the first line to the last: what ``cleanup.py`` and ``dvornik run`` do."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

import click
import msgspec

from dvornik import plans, state
from dvornik.cli import aftermath
from dvornik.languages import _, ngettext
from dvornik.model import ConfigurationError, Finding
from dvornik.reports import document, text, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import IO

    from dvornik.cli.yard import Yard
    from dvornik.engine import Engine
    from dvornik.result import Result


class Order(msgspec.Struct, frozen=True):
    """What the operator asked for."""

    steps: Sequence[str]
    dry: bool = False
    thorough: bool = False
    allowed: Sequence[str] = ()
    json: bool = False
    asked_for_cache: bool = False


def clean(yard: Yard, order: Order) -> int:
    """Carry out one cleanup; return the exit code."""
    _must_have_something(yard, order)
    if not order.json:
        say(text.opening(dry=order.dry))
        if yard.loaded.source is None:
            say(*text.found(yard.app))
    engine = yard.engine(order.steps)
    return _preview(yard, engine, order) if order.dry else _perform(yard, engine, order)


def _must_have_something(yard: Yard, order: Order) -> None:
    app = yard.app
    if not (app.temp or app.logs or app.media or app.databases or app.caches or app.trouble):
        raise ConfigurationError(
            _("Nothing to look after was found here."),
            context=str(yard.loaded.base),
            hint=_("Go to the application's directory, or write a dvornik.toml: dvornik init"),
        )
    if order.asked_for_cache and not app.caches:
        raise ConfigurationError(
            _("No Redis cache is configured, so there is nothing to clear."),
            context=str(yard.loaded.source or yard.loaded.base),
            hint=_("Set REDIS_URL, or [cache] url in dvornik.toml."),
        )


def _preview(yard: Yard, engine: Engine, order: Order) -> int:
    with state.scratch_plan() as sink:
        result = engine.plan(state.new_run(), sink, thorough=order.thorough, allowed=order.allowed)
        result.finish()
        result.troubles += yard.app.trouble
        if order.json:
            document.write(sys.stdout, result, yard.roots, dry=True, findings=findings(sink))
            return result.exit_code
        for name in result.steps:
            say(*text.step(name, result, dry=True))
        say(*text.listing(findings(sink)))
    tell(result, dry=True)
    return result.exit_code


def findings(plan: IO[bytes]) -> Iterator[Finding]:
    """Yield the findings of a plan."""
    return (line for line in plans.read(plan, only=[Finding]) if isinstance(line, Finding))


def _perform(yard: Yard, engine: Engine, order: Order) -> int:
    yard.state.lock()
    run = state.new_run()
    yard.begin(run, order.steps, " ".join(order.steps) + (" aggressive" if order.thorough else ""))
    recover(engine, quiet=order.json)
    with yard.state.new_plan(run) as plan:
        planned = engine.plan(run, plan, thorough=order.thorough, allowed=order.allowed)
        return perform(yard, engine, plan, planned.digest, order)


def perform(yard: Yard, engine: Engine, plan: IO[bytes], digest: str, order: Order) -> int:
    """Apply a plan, tell it step by step, and write down how it ended."""
    roots = yard.roots
    free = {root: shutil.disk_usage(root).free for root in roots.values() if _is_there(root)}

    def on_step(name: str, result: Result) -> None:
        if not order.json:
            say(*text.step(name, result, dry=False))

    yard.give_up_rights()
    result = engine.apply(plan, allowed=order.allowed, digest=digest, troubles=yard.app.trouble, on_step=on_step)
    yard.conclude(result, engine)
    yard.state.forget_old_plans(time.time())
    try:
        if order.json:
            document.write(sys.stdout, result, roots, dry=False)
        else:
            say(*text.space(result), *text.disks(free, roots.values()))
            tell(result, dry=False)
    finally:  # whoever watches from elsewhere hears of it even if nobody reads the report
        aftermath.follow(yard, result.exit_code)
    return result.exit_code


def _is_there(root: str) -> bool:
    try:
        shutil.disk_usage(root)
    except OSError:
        return False
    return True


def recover(engine: Engine, *, quiet: bool) -> None:
    """Put back what a killed run left claimed, and say so."""
    count = sum(outcome.done for outcome in engine.recover())
    if count and not quiet:
        say(
            ngettext(
                "↩️ Put back {n} file that an interrupted run had claimed",
                "↩️ Put back {n} files that an interrupted run had claimed",
                count,
            ).format(n=count)
        )


def confirm() -> None:
    """Ask a person before an aggressive run; a schedule has nobody to ask and meant what it says."""
    _ask(_("⚠️ --aggressive clears the cache and empties the quarantine. Go on?"))


def confirm_purge(count: int, size: int) -> None:
    """Ask a person before a purge."""
    question = ngettext("Delete {n} file ({size}) for good?", "Delete {n} files ({size}) for good?", count)
    _ask(question.format(n=count, size=words.size(size)))


def _ask(question: str) -> None:
    if sys.stdin.isatty() and sys.stdout.isatty():
        click.confirm(question, abort=True)


def tell(result: Result, *, dry: bool) -> None:
    """Say what was kept and why, what went wrong, and how it ended."""
    say(*text.kept(result), *text.trouble(result), text.closing(result, dry=dry))


def say(*lines: str) -> None:
    """Print lines at once; a terminal that lacks a letter gets a question mark rather than a traceback."""
    encoding = sys.stdout.encoding or "utf-8"
    _write(f"{line}\n".encode(encoding, "replace").decode(encoding) for line in lines)


def _write(lines: Iterable[str]) -> None:
    sys.stdout.writelines(lines)
    sys.stdout.flush()
