"""``dvornik schedule``: the three schedules, written for this installation, put in place, taken away."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from dvornik.apps.environment import FLASK, SECRET, UPLOADS
from dvornik.cli import options
from dvornik.cli.output import answer, say
from dvornik.collectors.database import SingleFile
from dvornik.config import addresses, dotenv
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.schedule import compose, cron, installing, kubernetes, systemd
from dvornik.schedule.installation import Installation, check
from dvornik.schedule.schedules import schedules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.cli.yard import Yard
    from dvornik.schedule.installation import Artefact

KINDS: Final = ("cron", "systemd", "compose", "kubernetes")
_SCRIPT: Final = "scripts/maintenance/cleanup.py"


def _with_flask(names: tuple[str, ...]) -> tuple[str, ...]:
    return (*names, *(FLASK + name for name in names))


_CARRIED: Final = ("DVORNIK_LANG", "DJANGO_SETTINGS_MODULE", "MEDIA_URL", *_with_flask(UPLOADS))
_SECRET: Final = (*_with_flask(SECRET), "REDIS_URL", "CACHE_URL", "SECRET_KEY")
_FOUND: Final = frozenset({"file", "pyproject", "below", "defaults"})


class Wish(msgspec.Struct, frozen=True):
    """What the operator asked for, beyond what the installation itself says."""

    kind: str
    own: bool
    single: bool
    mailto: str | None
    image: str
    service: str


def schedule() -> click.Command:
    """Build the verb."""

    @click.command(
        help=_(
            "Write the schedules of this installation for cron, systemd, compose or kubernetes. Temporary files daily "
            "at 02:00, a full cleanup on Sundays at 03:00, an aggressive one on the 1st at 04:00, or as [schedule] "
            "says. Prints them; --install puts them in place, --remove takes them away again.\n\n"
            "cron: lines of a crontab. systemd: timers and services with fences. compose: a service that runs dvornik "
            "daemon. kubernetes: CronJobs."
        )
    )
    @click.argument("kind", type=click.Choice(KINDS))
    @click.option("--install", "action", flag_value="install", help=_("Put them in place (cron, systemd)."))
    @click.option("--remove", "action", flag_value="remove", help=_("Take them away again; nothing else is touched."))
    @click.option("-o", "--output", metavar="DIR", help=_("Write the files into this directory."))
    @click.option("--name", metavar="NAME", help=_("Name of the files and units; two installations want two."))
    @click.option("--user", metavar="USER", help=_("Who runs it; by default the owner of the state or the directory."))
    @click.option(
        "--system/--own", default=None, help=_("For the whole system (default for root), or for your own account.")
    )
    @click.option("--single", is_flag=True, help=_("systemd: one timer, a full cleanup every day."))
    @click.option("--mailto", metavar="ADDRESS", help=_("cron, for the system: who gets the output by mail."))
    @click.option("--image", metavar="IMAGE", default="", help=_("compose, kubernetes: the application's image."))
    @click.option(
        "--service", metavar="SERVICE", default="app", help=_("compose: the application's service."), show_default=True
    )
    @options.common
    @options.opened()
    def command(
        yard: Yard,
        *,
        kind: str,
        action: str | None,
        output: str | None,
        name: str | None,
        user: str | None,
        system: bool | None,
        as_json: bool,
        **rest: Any,  # noqa: ANN401 - click's own values
    ) -> None:
        own = kind in {"cron", "systemd"} and not (is_root() if system is None else system)
        wish = Wish(kind, own, **rest)
        _check_wish(wish, action, output, user)
        installation = look_at(yard, os.environ, name=name, user="" if own else user or owner(yard))
        check(installation)
        artefacts = written(installation, wish)
        if action or output:
            say(*_act(installation, wish, artefacts, action, output))
        elif as_json:
            answer(json.dumps(msgspec.to_builtins(artefacts), indent=1, ensure_ascii=False))
        else:
            answer("\n".join(artefact.text for artefact in artefacts).removesuffix("\n"))
        for line in _notes(installation, wish):
            click.echo(line, err=True)

    return command


def _check_wish(wish: Wish, action: str | None, output: str | None, user: str | None) -> None:
    if action and output:
        raise click.UsageError(_("--output writes files, --install and --remove act: choose one."))
    if action and wish.kind not in {"cron", "systemd"}:
        raise click.UsageError(
            _("What is written for {kind} is yours to put in place: use --output.").format(kind=wish.kind)
        )
    if wish.own and user:
        raise click.UsageError(_("Your own crontab and units run as you: --user goes with --system."))
    if wish.mailto is not None and (wish.own or wish.kind != "cron" or not wish.mailto.isprintable()):
        raise click.UsageError(
            _("--mailto goes with cron and --system; in a crontab of your own set MAILTO at its top.")
        )


def written(installation: Installation, wish: Wish) -> list[Artefact]:
    """Return the files of one kind."""
    if wish.kind == "cron":
        return cron.artefacts(installation, wish.mailto)
    if wish.kind == "systemd":
        return systemd.artefacts(installation, single=wish.single)
    if wish.kind == "compose":
        return compose.artefacts(installation, daemon_words(installation), wish.service, wish.image)
    return kubernetes.artefacts(installation, wish.image)


def _act(
    installation: Installation, wish: Wish, artefacts: list[Artefact], action: str | None, output: str | None
) -> list[str]:
    if output:
        paths = installing.write(output, artefacts, installation.marker)
        return [_("📝 Written: {path}").format(path=path) for path in paths]
    if wish.kind == "cron" and wish.own:
        return _crontab(installation, action)
    directory = installing.CRON if wish.kind == "cron" else installing.user_units() if wish.own else installing.UNITS
    names = [artefact.name for artefact in artefacts]
    timers = [name for name in names if name.endswith(".timer")]
    if action == "install":
        paths = installing.write(directory, artefacts, installation.marker)
        said = [_("📝 Written: {path}").format(path=path) for path in paths]
        if timers:
            say(*said)
            installing.take_up(timers, own=wish.own)
            said = [_("⏰ Started: {names}").format(names=", ".join(timers))]
        return said
    return _remove(installation, wish, directory, names)


def _remove(installation: Installation, wish: Wish, directory: str, names: list[str]) -> list[str]:
    """Take the files away; the timers are stopped first, as long as systemd still knows them."""
    here = installing.ours(directory, names, installation.marker)
    timers = [path.name for path in here if path.suffix == ".timer"]
    if timers:
        installing.let_go(timers, own=wish.own)
    paths = installing.remove(directory, names, installation.marker)
    if timers:
        installing.reload(own=wish.own)
    return [_("🗑️ Removed: {path}").format(path=path) for path in paths] or [_("Nothing of this installation is there.")]


def _crontab(installation: Installation, action: str | None) -> list[str]:
    opening, closing = cron.opening(installation), cron.closing(installation)
    if action == "install":
        installing.into_crontab(cron.block(installation), opening, closing)
        return [_("📝 Written into your crontab; crontab -l shows it")]
    gone = installing.out_of_crontab(opening, closing)
    return [_("🗑️ Removed from your crontab") if gone else _("Nothing of this installation is there.")]


def _notes(installation: Installation, wish: Wish) -> list[str]:
    notes = []
    for path, names in _homes_of_secrets(installation, wish).items():
        said = _("⚠️ Set here, and not in a schedule: {names}. Put them into {path}")
        notes.append(said.format(names=", ".join(names), path=Path(installation.directory, path)))
    if wish.kind == "cron" and installation.timezone:
        notes.append(_("⚠️ The cron of Debian and Ubuntu knows only the server's time zone: there, use systemd"))
    if wish.kind == "cron" and installation.jitter:
        notes.append(_("ℹ️ cron has no jitter: the runs start on time"))
    if not installation.schedules:
        notes.append(_("⚠️ [schedule] switches every schedule off"))
    return notes


def _homes_of_secrets(installation: Installation, wish: Wish) -> dict[str, list[str]]:
    """Return where to write each secret that a schedule lacks: systemd reads all of ``.env``, we no settings."""
    if wish.kind not in {"cron", "systemd"}:
        return {}
    found: dict[str, list[str]] = {}
    for name in installation.secrets:
        is_setting = name.startswith("DVORNIK_") and wish.kind == "cron"
        found.setdefault("dvornik.toml" if is_setting else ".env", []).append(name)
    return found


# what the installation is


def look_at(yard: Yard, env: Mapping[str, str], *, name: str | None = None, user: str = "") -> Installation:
    """Return this installation as a schedule sees it."""
    base = str(yard.loaded.base)
    script = Path(base, _SCRIPT)
    is_script = script.is_file()
    program = Path(sys.executable).with_name("dvornik")
    plain = [str(program)] if program.is_file() else [sys.executable, "-P", "-m", "dvornik"]
    how, *variables = yard.loaded.notes
    secret = [each for each in (*_SECRET, *variables) if env.get(each) and (each in _SECRET or "://" in env[each])]
    secret += [each for each in _filled_in(yard) if env.get(each) and each not in secret]
    uid, home = _account(user)
    section = yard.config.schedule
    log = yard.config.log.path
    files = [str(each.path.parent) for each in yard.databases.values() if isinstance(each, SingleFile)]
    figures = Path(yard.config.metrics.textfile) if yard.config.metrics.textfile else None
    if figures:
        files.append(str(figures.parent if figures.suffix == ".prom" else figures))
    return Installation(
        name=_named(name or ("cleanup" if is_script else "dvornik")),
        command=[sys.executable, str(script)] if is_script else plain,
        tail=[] if how in _FOUND else ["--config", str(yard.loaded.source)],
        script=is_script,
        directory=base,
        user=user,
        uid=uid,
        home=home,
        schedules=schedules(section),
        timezone=section.timezone,
        jitter=int(section.jitter),
        environment={each: env[each] for each in (*_CARRIED, *variables) if env.get(each) and each not in secret},
        secrets=[each for each in secret if each not in dotenv.read(yard.loaded.base, {})],
        roots=yard.roots,
        public=sorted(yard.public),
        own=[str(yard.state.directory), *([str(Path(log).parent)] if log else []), *files],
        state=str(yard.state.directory),
        runs_backup=bool(yard.config.backup.command),
    )


def _filled_in(yard: Yard) -> list[str]:
    """Return the variables that the addresses in the configuration are filled in from."""
    source = yard.loaded.source
    return addresses.variables(source.read_text("utf-8-sig")) if source else []


def daemon_words(installation: Installation) -> list[str]:
    """Return the command of the daemon for this installation."""
    if not installation.script:
        return [*installation.command, "daemon", *installation.tail]
    return [installation.command[0], "-P", "-m", "dvornik", "daemon", *installation.tail]


def owner(yard: Yard) -> str:
    """Return who should run it: the owner of the state, or else of the application's directory."""
    if sys.platform == "win32":
        return ""
    import pwd

    for path in (yard.state.directory, yard.loaded.base):
        if path.exists():
            try:
                return pwd.getpwuid(path.stat().st_uid).pw_name
            except KeyError:
                return str(path.stat().st_uid)
    return ""


def is_root() -> bool:
    """Tell whether we may write for the whole system."""
    return sys.platform != "win32" and os.geteuid() == 0


def _account(user: str) -> tuple[int, str]:
    """Return the number and the home directory of ``user``; empty: our own."""
    if sys.platform == "win32":
        return 0, ""
    import pwd

    try:
        found = pwd.getpwnam(user) if user and not user.isdecimal() else pwd.getpwuid(int(user or os.geteuid()))
    except KeyError:
        if not user or user.isdecimal():  # a number without a name, as in containers
            return int(user or os.geteuid()), ""
        raise ConfigurationError(
            _("There is no such user here."), context=user, hint=_("Name one with --user.")
        ) from None
    return found.pw_uid, found.pw_dir


def _named(name: str) -> str:
    if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigurationError(
            _("This is no name for a schedule."), context=ascii(name), hint=_("Use letters, digits, - and _.")
        )
    return name
