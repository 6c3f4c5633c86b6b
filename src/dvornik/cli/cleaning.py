"""One cleanup from the first line to the last: what ``cleanup.py`` and ``dvornik run`` do."""

from __future__ import annotations

import errno
import itertools
import os
import sys
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

import click
import msgspec

from dvornik import diagnosis, plans, state
from dvornik.cli import aftermath, output, reporting, rights
from dvornik.cli.output import say
from dvornik.cli.ownership import shut_out
from dvornik.cli.watching import amounts
from dvornik.config.exposure import exposed_password
from dvornik.diagnosis.rights import is_read_only
from dvornik.errors import ConfigurationError, UnreachableError
from dvornik.languages import _, ngettext
from dvornik.model import Finding, Reason
from dvornik.reports import document, progress, text, words
from dvornik.reports.document import Disk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from dvornik.cli.yard import Yard
    from dvornik.engine import Engine
    from dvornik.result import Result

_DAY: Final = 20 * 3600
"""Seconds after which sizes are remembered anew; less than a day, since no schedule is that exact."""
_NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Why a plan cannot be kept where it belongs."""
_YES: Final = frozenset({"y", "yes", "д", "да"})
_PATIENCE: Final = 5
"""Seconds that measuring may take at the end of a run."""
_FRESH: Final = 3600
"""Seconds after which what a plan saw of its places is too old to be called their size."""


class Order(msgspec.Struct, frozen=True):
    """What the operator asked for."""

    steps: Sequence[str]
    dry: bool = False
    thorough: bool = False
    allowed: Sequence[str] = ()
    json: bool = False
    asked_for_cache: bool = False
    quiet: bool = False
    """Say nothing unless something is wrong."""
    report: str = ""
    """File that the report is to be written to besides, in the format that its name says."""

    @property
    def tells(self) -> bool:
        """Whether a person reads along."""
        return not (self.json or self.quiet)


def clean(yard: Yard, order: Order) -> int:
    """Carry out one cleanup; return the exit code."""
    yard.must_have_something()
    if order.asked_for_cache:
        _must_have_cache(yard)
    if order.report:
        reporting.must_be_writable(order.report)
    if order.tells:
        say(text.opening(dry=order.dry))
        if yard.loaded.source is None:
            say(*text.found(yard.app))
        yard.progress = progress.for_person(sys.stderr, os.environ)
    if order.asked_for_cache:
        _tell_of_caches_that_stay(yard)
    try:
        return _preview(yard, yard.engine(order.steps), order) if order.dry else _perform(yard, order)
    finally:  # whatever ended it finds a clean line and its cursor
        if yard.progress:
            yard.progress.clear()


def _must_have_cache(yard: Yard) -> None:
    if not yard.app.has_cache:
        raise ConfigurationError(
            _("No cache is configured, so there is nothing to clear."),
            context=str(yard.loaded.source or yard.loaded.base),
            hint=_("Set REDIS_URL, or [cache] url or path in dvornik.toml."),
        )


def _tell_of_caches_that_stay(yard: Yard) -> None:
    """Say of which caches nothing can go: who asks for just that must not take it for done."""
    for place in yard.app.caches:
        if not (place.patterns or place.owned):
            output.complain(
                _("⚠️ Cache {name}: no pattern says which keys are its own, so all of them stay").format(
                    name=words.safe(place.name)
                ),
                "   " + _('Name them: [cache] patterns = ["app:*"], or owned = true where nothing else is kept.'),
            )


def _preview(yard: Yard, engine: Engine, order: Order) -> int:
    if yard.state.will_be_private() and order.tells:
        message = _("The state directory is open to other users: a run makes it private (0700): {path}")
        say(f"🔒 {message.format(path=words.safe(str(yard.state.directory)))}")
    with state.scratch_plan() as sink:
        result = engine.plan(state.new_run(), sink, thorough=order.thorough, allowed=order.allowed)
        result.finish()
        result.troubles += yard.troubles(order.steps)
        closed = {place for place, root in yard.roots.items() if is_read_only(root)}
        result.foresee(closed, Reason.READ_ONLY)
        if order.json:
            with output.answering() as out:
                document.write(out, document.of(result, yard.roots, dry=True), findings(sink))
            return result.exit_code
        if order.quiet:
            complain(result, dry=True)
            return result.exit_code
        if yard.progress:
            yard.progress.clear()
        for name in result.turns:
            say(*text.step(name, result, dry=True))
        say(*text.listing(findings(sink)))
    tell(result, dry=True)
    return result.exit_code


def lock(yard: Yard, *, quiet: bool = False) -> None:
    """Take the lock; say, and note in the log, where the state directory was open to others until now."""
    yard.state.lock()
    if yard.state.made_private:
        message = _("The state directory was open to other users: it is now private (0700): {path}").format(
            path=yard.state.directory
        )
        yard.log.warning("state", message)  # noqa: PLE1205 - the maintenance log's own: operation and result
        if not quiet:
            say(f"🔒 {words.safe(message)}")
    owner = shut_out(yard.loaded.base, yard.state.directory) if yard.state.is_new else None
    if owner:
        message, hint = text.roots_state(owner.known_as)
        yard.log.warning("state", message)  # noqa: PLE1205 - as above
        if not quiet:
            say(f"⚠️ {message}", f"   {hint}")


def warn_of_password(yard: Yard) -> None:
    """Say and log, in a quiet run too, that the configuration holds a password and a web server may hand it out."""
    if found := exposed_password(yard.loaded.source, yard.public):
        yard.log.warning("configuration", found.message)  # noqa: PLE1205 - the maintenance log's own, as above
        holds = _("The configuration holds a password")
        output.complain(f"⚠️ {holds}: {found.message}. {found.hint}")


def findings(plan: IO[bytes]) -> Iterator[Finding]:
    """Yield the findings of a plan."""
    return (line for line in plans.read(plan, only=[Finding]) if isinstance(line, Finding))


def _perform(yard: Yard, order: Order) -> int:
    lock(yard, quiet=not order.tells)
    run = state.new_run()
    yard.begin(run, order.steps, " ".join(order.steps) + (" aggressive" if order.thorough else ""))
    warn_of_password(yard)
    engine = yard.engine(order.steps)  # after the beginning, so that what fails here is a run that failed
    recover(engine, quiet=not order.tells)
    with ExitStack() as opened:
        try:
            plan = yard.state.new_plan(run)
            planned = _written(plan, run, engine, order)
            opened.callback(plan.close)
        except OSError as error:  # the disk became full meanwhile: that is no reason not to clean it
            if error.errno not in _NO_ROOM:
                raise
            yard.state.forget_plan(run)
            plan = opened.enter_context(state.scratch_plan())
            planned = _written(plan, run, engine, order)
        yard.trace.planned(planned)
        return perform(yard, engine, plan, planned.digest, order)


def _written(plan: IO[bytes], run: str, engine: Engine, order: Order) -> Result:
    """Write the plan, or leave it closed."""
    try:
        return engine.plan(run, plan, thorough=order.thorough, allowed=order.allowed)
    except OSError:
        with suppress(OSError):  # what waits in its buffer cannot be written either
            plan.close()
        raise


def perform(yard: Yard, engine: Engine, plan: IO[bytes], digest: str, order: Order) -> int:
    """Apply a plan, tell it step by step, and write down how it ended."""
    before = _usage(yard)

    def on_step(name: str, result: Result) -> None:
        yard.trace.applied(name, result)
        if yard.progress:
            yard.progress.clear()
        if order.tells:
            say(*text.step(name, result, dry=False))

    if yard.progress:
        yard.progress.expect(amounts(plan))
    restricted = rights.give_up(yard)
    troubles = yard.troubles(order.steps)
    result = engine.apply(plan, allowed=order.allowed, digest=digest, troubles=troubles, on_step=on_step)
    yard.conclude(result, engine)
    if "media" in order.steps:
        tell_left_behind(yard, loud=order.tells)
    yard.state.forget_old_plans(time.time())
    disks = [Disk(root, before[root][0], free, total) for root, (free, total) in _usage(yard).items() if root in before]
    report = document.of(result, yard.roots, dry=False, disks=disks, restricted=restricted)
    try:
        _remember(yard, report, result)
        try:
            if order.json:
                with output.answering() as out:
                    document.write(out, report)
            elif order.quiet:
                complain(result, dry=False)
            else:
                say(*text.databases(result), *text.space(result), *text.disks(disks), *text.room(disks, result))
                tell(result, dry=False)
        finally:  # one that cannot be written does not cost the other
            if order.report:
                reporting.write(order.report, reporting.rendered(reporting.with_trends(yard, report), order.report))
                if order.tells:
                    reporting.tell_exposed(order.report, yard.public)
    finally:  # whoever watches from elsewhere hears of it even if nobody reads the report
        aftermath.follow(yard, result.exit_code, report)
    return result.exit_code


def _usage(yard: Yard) -> dict[str, tuple[int, int]]:
    """Return the free and all bytes of each disk that a place lies on, by the first such place."""
    found: dict[int, tuple[str, int, int]] = {}
    for root in yard.roots.values():
        disk = diagnosis.disk(root)
        if disk:
            found.setdefault(disk.device, (disk.root, disk.free, disk.total))
    return {root: (free, total) for root, free, total in found.values()}


def _remember(yard: Yard, report: document.Report, result: Result) -> None:
    """Keep the report, and once a day how large each place of the run is: doctor and trends judge by it."""
    yard.state.keep_report(report.run, document.encoded(report))
    now = time.time()
    try:
        known = {weight.place for weight in yard.state.weights(now - _DAY)}
    except UnreachableError:
        return
    is_fresh = now - state.started(result.run) < _FRESH
    weighed = {place: (size, below) for place, size, below in result.remaining() if is_fresh}
    storages = yard.storages()
    unknown = [place for place in storages if place not in known and place.partition("/")[0] in result.collectors]
    rest = {place: storages[place] for place in unknown if place not in weighed}
    if rest:
        sizes, _large = diagnosis.measure(rest, seconds=_PATIENCE)
        if yard.progress:
            yard.progress.clear()
        # Half of a place would look like a fall, and the next whole one like growth.
        weighed |= {size.place: (size.size, size.below) for size in sizes if size.complete}
    weights = (diagnosis.weigh(place, *weighed[place], now) for place in unknown if place in weighed)
    yard.state.keep_weights(itertools.chain.from_iterable(weights))


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


def can_ask() -> bool:
    """Tell whether a person is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def choose(question: str, answers: Sequence[str]) -> str:
    """Ask a person for one of several words (or its beginning); empty where nobody can be asked or says none."""
    if not can_ask():
        return ""
    said = str(click.prompt(f"{question} [{'/'.join(answers)}]", default="", show_default=False)).strip().lower()
    return next((word for word in answers if said and word.startswith(said)), "")


def confirm_uninstall(path: str) -> None:
    """Ask a person before schedules and state go."""
    _ask(_("Remove the schedules and the state of {path}?").format(path=words.safe(path)))


def _ask(question: str) -> None:
    """Go on only if a person says yes, in either language."""
    if can_ask():
        answer: str = click.prompt(f"{question} [y/N]", default="", show_default=False)
        if answer.strip().lower() not in _YES:
            raise click.Abort


def tell(result: Result, *, dry: bool) -> None:
    """Say what was kept and why, what went wrong, and how it ended."""
    say(
        *text.kept(result),
        *text.waiting(result),
        *text.noted(result),
        *text.trouble(result),
        text.closing(result, dry=dry),
    )


def tell_left_behind(yard: Yard, *, loud: bool) -> None:
    """Say, and note in the log, that a quarantine lies where nothing looks any more."""
    for name, path in yard.left_behind().items():
        message, hint = text.left_behind(name, path)
        yard.log.warning("quarantine", message)  # noqa: PLE1205 - the maintenance log's own: operation and result
        if loud:
            output.complain(f"⚠️ {message}", f"   {hint}")


def complain(result: Result, *, dry: bool) -> None:
    """Say what went wrong, on standard error; nothing where nothing did: cron mails whatever is said."""
    if result.exit_code:
        output.complain(*text.trouble(result), text.closing(result, dry=dry))
