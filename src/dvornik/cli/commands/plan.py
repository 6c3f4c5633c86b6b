"""``dvornik plan`` and ``dvornik apply``: decide now, look it over, act later."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dvornik import plans, state
from dvornik.cli import options
from dvornik.cli.cleaning import Order, findings, lock, perform, recover, tell
from dvornik.cli.output import answering, say
from dvornik.cli.reporting import tell_exposed
from dvornik.cli.yard import Yard, chosen
from dvornik.errors import ConfigurationError
from dvornik.languages import _, of_system
from dvornik.reports import document, text


def plan() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Write down what may go, for dvornik apply; change nothing else."))
    @options.steps
    @click.option("-o", "--output", required=True, metavar="FILE", help=_("The plan, JSON Lines; it must be new."))
    @options.aggressive
    @options.allow
    @options.common
    @options.opened()
    def command(
        yard: Yard,
        *,
        steps: tuple[str, ...],
        output: str,
        aggressive: bool,
        yes: bool,  # noqa: ARG001 - accepted, since run accepts it: a plan asks nothing
        allow: list[str],
        as_json: bool,
    ) -> int:
        yard.must_have_something()
        engine = yard.engine(chosen(yard, steps, thorough=aggressive))
        try:
            sink = open(output, "x+b", opener=_private)  # noqa: SIM115 - closed below; only its errors are told here
        except OSError as error:
            raise _unwritten(output, error) from error
        try:
            with sink:
                result = engine.plan(state.new_run(), sink, thorough=aggressive, allowed=allow)
        except OSError as error:  # half a plan is none
            Path(output).unlink(missing_ok=True)
            raise _unwritten(output, error) from error
        result.finish()
        if as_json:
            with Path(output).open("rb") as plan, answering() as out:
                document.write(out, document.of(result, yard.roots, dry=True), findings(plan))
            return result.exit_code
        for name in result.turns:
            say(*text.step(name, result, dry=True))
        tell(result, dry=True)
        say(_("📝 Plan: {path}, digest {digest}").format(path=output, digest=result.digest[:16]))
        tell_exposed(output, yard.public)
        return result.exit_code

    return command


def _private(path: str, flags: int) -> int:
    """Open a plan for its owner alone: it names files that nobody links to any more."""
    return os.open(path, flags, 0o600)


def _unwritten(path: str, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        _("The plan cannot be written: {error}").format(error=of_system(error)),
        context=path,
        hint=_("Name a file that does not exist yet, in a directory that you may write to."),
    )


def apply() -> click.Command:
    """Build the verb."""

    @click.command(help=_("Do what a plan says, to what still is as the plan saw it."))
    @click.argument("file", type=click.Path(exists=True, dir_okay=False))
    @click.option("--digest", metavar="HEX", help=_("Only if the plan has this digest (or it begins so)."))
    @options.allow
    @options.strict
    @options.quiet
    @options.common
    @options.opened()
    def command(
        yard: Yard, *, file: str, digest: str | None, allow: list[str], strict: bool, quiet: bool, as_json: bool
    ) -> int:
        options.must_not_be_both(quiet=quiet, as_json=as_json)
        with Path(file).open("rb") as sink:
            header = next(iter(plans.read(sink, file, only=[plans.Header])))
            assert isinstance(header, plans.Header)  # noqa: S101 - read was asked for nothing else
            actual = plans.digest(sink)
            if digest and not actual.startswith(digest):
                raise ConfigurationError(
                    _("The plan has another digest."), context=f"{file}: {actual}", hint=_("Look it over again.")
                )
            lock(yard, quiet=quiet or as_json)
            yard.strict |= strict
            engine = yard.engine(header.collectors)
            order = Order(header.collectors, thorough=header.thorough, allowed=allow, json=as_json, quiet=quiet)
            recover(engine, quiet=not order.tells)
            if order.tells:
                say(text.opening(dry=False))
            yard.begin(header.run, header.collectors, f"apply {file}")
            return perform(yard, engine, sink, actual, order)

    return command
