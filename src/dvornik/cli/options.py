"""Options that several commands share, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from dvornik import languages, terminal
from dvornik.cli import output
from dvornik.cli.yard import STEPS, Yard
from dvornik.errors import DvornikError, UnwrittenError
from dvornik.languages import _, of_system
from dvornik.model import Gate
from dvornik.reports import document, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    from dvornik.config import Loaded

INTERRUPTED = 130
_ENDING = (signal.SIGTERM, signal.SIGINT)


class Gates(click.ParamType[list[str], str]):
    """A list of gate codes, separated by commas."""

    name = "gates"

    def convert(self, value: str | list[str], param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Check every code: a misspelt override must not silently override nothing."""
        if isinstance(value, list):
            return value
        codes = [code.strip() for code in value.split(",") if code.strip()]
        for code in codes:
            if code not in set(Gate) - {Gate.UNREACHABLE}:
                known = ", ".join(gate for gate in Gate if gate is not Gate.UNREACHABLE)
                self.fail(_("{code} is no gate; one of: {known}").format(code=code, known=known), param, ctx)
        return codes


_Callback = Callable[[click.Context, click.Parameter, object], None]


def _common() -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    return [
        (("--config",), {"metavar": "FILE", "help": _("Configuration file; else dvornik.toml is looked for.")}),
        (("--lang",), {"type": click.Choice(["ru", "en"]), "help": _("Language of the output.")}),
        (("--json", "as_json"), {"is_flag": True, "help": _("One JSON document instead of lines.")}),
        (("--debug",), {"is_flag": True, "help": _("More detail in the log; errors with their origin.")}),
    ]


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that every command has."""
    for names, settings in reversed(_common()):
        command = click.option(*names, **settings)(command)
    return command


def general(callback: _Callback) -> list[click.Option]:
    """Return the same options for a place before the verb; ``callback`` takes what is given there."""
    return [
        click.Option(names, expose_value=False, is_eager=True, callback=callback, **settings)
        for names, settings in _common()
    ]


def steps(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the names of the steps."""
    return click.argument("steps", nargs=-1, type=click.Choice(STEPS))(command)


def aggressive(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--aggressive`` and ``--yes``."""
    command = click.option("--yes", "-y", is_flag=True, help=_("Do not ask before --aggressive."))(command)
    return click.option(
        "--aggressive", is_flag=True,
        help=_(
            "Everything, the cache included, each step thoroughly: what earlier runs set aside is purged (no undo for "
            "it), the database rewritten. May remove cached data that matters."
        ),
    )(command)  # fmt: skip


def language(arguments: Sequence[str], default: str) -> str:
    """Find the language before the options are parsed: the help itself is written in it."""
    asked = [word.removeprefix("--lang=") for word in arguments if word.startswith("--lang=")]
    asked += [word for before, word in pairwise(arguments) if before == "--lang"]
    found = [*asked, of_environment(os.environ)]
    return next((each for each in found if each in {"ru", "en"}), default)


def with_language(loaded: Loaded, asked: str | None, env: Mapping[str, str], default: str) -> str:
    """Choose the language: the flag, the environment, the configuration, then the command's own default."""
    return asked or of_environment(env) or loaded.config.app.language or default


def of_environment(env: Mapping[str, str]) -> str:
    """Return the language that ``DVORNIK_LANG`` asks for; empty where it asks for none that is spoken here."""
    asked = env.get("DVORNIK_LANG", "")[:2].lower()
    return asked if asked in {"ru", "en"} else ""


def allow(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--allow``."""
    return click.option(
        "--allow", type=Gates(), default=[], metavar="GATE[,GATE]",
        help=_("Go on once although policy refuses: the code that the refusal named."),
    )(command)  # fmt: skip


def quiet(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet``."""
    return click.option(
        "--quiet",
        "-q",
        is_flag=True,
        help=_("For cron: say nothing when all is well, and only what is wrong when not."),
    )(command)


def must_not_be_both(*, quiet: bool, as_json: bool) -> None:
    """Refuse a document that nobody is to see."""
    if quiet and as_json:
        raise click.UsageError(_("--quiet says nothing, --json says all: choose one."))


def strict(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--strict``."""
    return click.option(
        "--strict", is_flag=True,
        help=_("Keep writers out of the database while media is claimed; take none where that cannot be had."),
    )(command)  # fmt: skip


def opened(default: str | None = None, directory: Callable[[], str] = os.getcwd) -> Callable[..., Callable[..., Any]]:
    """Open the yard, choose the language, and turn errors into messages and exit codes.

    ``default`` is the language where neither flag, environment nor configuration chooses one; ``None``: the locale's.
    """

    def decorate(function: Callable[..., int | None]) -> Callable[..., Any]:
        @wraps(function)
        def run(config: str | None, lang: str | None, *, as_json: bool, debug: bool, **rest: Any) -> None:  # noqa: ANN401 - click's own values
            fallback = default or terminal.language_of_locale(os.environ)
            languages.use(lang or of_environment(os.environ) or fallback)
            _listen()
            yard: Yard | None = None
            try:
                yard = Yard.open(config, directory(), os.environ, debug=debug)
                languages.use(with_language(yard.loaded, lang, os.environ, fallback))
                code = function(yard, as_json=as_json, **rest) or 0
            except DvornikError as error:
                code = _tell(error, yard, as_json=as_json, debug=debug)
            except OSError as error:
                code = _tell(_of_system(error), yard, as_json=as_json, debug=debug)
            except Exception as error:
                if yard is not None:  # a bug of ours: it is shown whole, and the health check must know
                    yard.failed("failed", 1, type(error).__name__)
                raise
            except KeyboardInterrupt:
                output.complain(_("⏹️ Interrupted: the next run goes on from here"))
                if yard is not None:
                    yard.failed("interrupted", INTERRUPTED, "interrupted")
                code = INTERRUPTED
            finally:
                if yard is not None:
                    yard.close()
            sys.exit(code)

        return run

    return decorate


def _listen() -> None:
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a shell's background jobs ignore Ctrl-C
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End the command in good order, once: systemd signals a daemon and its run, and the daemon passes it on."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


def _of_system(error: OSError) -> DvornikError:
    """Put into words what no part of the work answers for: a plan, or a program of ours, on a disk that fails."""
    told = DvornikError(
        _("The system refuses: {error}").format(error=of_system(error)),
        context=os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "",
        hint=_("Look at the disk and at the system's log; --debug shows where it happened."),
    )
    told.__cause__ = error
    return told


def _tell(error: DvornikError, yard: Yard | None, *, as_json: bool, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    if as_json and not isinstance(error, UnwrittenError):
        output.say(document.error(error))
    else:
        output.complain(*text.error(error))
    if yard is not None:
        yard.failed("failed", error.exit_code, f"{error.message} {error.context}".strip())
    return error.exit_code
