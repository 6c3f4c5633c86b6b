"""Schedules as lines of a crontab: for ``/etc/cron.d``, or for a user's own crontab."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.schedule.installation import Artefact

if TYPE_CHECKING:
    from dvornik.schedule.installation import Installation
    from dvornik.schedule.schedules import Schedule

_LONGEST: Final = 998
"""Characters that Debian's cron takes of a line's command."""
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def artefacts(installation: Installation, mailto: str | None = None) -> list[Artefact]:
    """Return the file for ``/etc/cron.d`` where a user is named, else the block for one's own crontab.

    The block sets no variable of cron's: it would hold for every line below it, somebody else's too.
    """
    return [
        _system(installation, mailto)
        if installation.user
        else Artefact(f"{installation.name}.crontab", block(installation))
    ]


def opening(installation: Installation) -> str:
    """Return the line that our block in a crontab begins with."""
    return edges(installation.marker)[0]


def closing(installation: Installation) -> str:
    """Return the line that it ends with."""
    return edges(installation.marker)[1]


def edges(marker: str) -> tuple[str, str]:
    """Return the first and the last line of the block that carries ``marker``."""
    return f"# >>> {marker} >>>", f"# <<< {marker} <<<"


def block(installation: Installation) -> str:
    """Return our block of a user's own crontab."""
    return "\n".join([opening(installation), *_lines(installation), closing(installation), ""])


def _system(installation: Installation, mailto: str | None) -> Artefact:
    head = [
        f"# {installation.marker}",
        f"# /etc/cron.d/{installation.name}, written by: dvornik schedule cron",
        "SHELL=/bin/sh",
        f"PATH={_PATH}",
        *([f"MAILTO={mailto}"] if mailto is not None else []),
        *([f"CRON_TZ={installation.timezone}"] if installation.timezone else []),
    ]
    return Artefact(installation.name, "\n".join([*head, *_lines(installation), ""]))


def _lines(installation: Installation) -> list[str]:
    return [_line(installation, schedule) for schedule in installation.schedules]


def _line(installation: Installation, schedule: Schedule) -> str:
    user = [installation.user] if installation.user else []
    return "  ".join([schedule.cron, *user, command(installation, schedule)])


def command(installation: Installation, schedule: Schedule) -> str:
    r"""Return what stands after the times: for a shell, and with ``%``, cron's line break, written ``\%``.

    Cron mails whatever is said: hence a run that only says what is wrong.
    """
    words = [f"{name}={value}" for name, value in sorted(installation.environment.items())]
    run = shlex.join([*(["/usr/bin/env", *words] if words else []), *installation.run(schedule), "--quiet"])
    text = f"cd {shlex.quote(installation.directory)} && {run}".replace("%", r"\%")
    if len(text) > _LONGEST:
        raise ConfigurationError(
            _("The line is longer than cron takes."),
            context=text,
            hint=_("Use shorter paths, or another kind of schedule."),
        )
    return text
