"""Where the application's things are: told by the configuration, else found out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from dvornik.application import App
from dvornik.apps import declared, django, environment, guesses
from dvornik.config.loading import FILE
from dvornik.errors import ConfigurationError
from dvornik.languages import _
from dvornik.model import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dvornik.config import Loaded


def discover(loaded: Loaded, env: Mapping[str, str]) -> App:
    """Return the application's places: declared sections, then what Django, the environment and the folders tell.

    Loading a Django project runs its settings and models in a process of their own. What cannot be learnt or must not
    be cleaned comes back as ``trouble``; nothing is changed anywhere.

    Raises:
        ConfigurationError: ``kind = "django"`` was asked for and no project is there.
    """
    return declared.over(loaded, _found(loaded, env))


def nothing_found(loaded: Loaded, env: Mapping[str, str]) -> ConfigurationError:
    """Say that nothing is under care, and which Django project below could have been meant, or which lines are missing.

    The lines stand for themselves at the top of a file, whatever tables it has.
    """
    base = loaded.base
    message = _("Nothing to look after was found here.")
    projects = django.projects(base)
    if not projects:
        file = loaded.source or base / FILE
        found = guesses.guess(base, env)
        hint = _("Go to the application's directory, or put these lines at the top of {file} and correct them:")
        if not found.is_complete:
            hint = _("Go to the application's directory, or put these lines at the top of {file}, capitals replaced:")
        hint = "\n   ".join((hint.format(file=file), *found.lines))
        return ConfigurationError(message, context=str(base), hint=hint)
    names = ", ".join(str(project.relative_to(base) / "manage.py") for project in projects)
    return ConfigurationError(
        message,
        context=_("{base}; projects below it: {names}").format(base=base, names=names),
        hint=_("Go to the one that is meant, such as: cd {path}").format(path=shlex.quote(str(projects[0]))),
    )


def _found(loaded: Loaded, env: Mapping[str, str]) -> App:
    kind = loaded.config.app.kind
    if kind == "declared":
        return App(root=str(loaded.base), kind=kind)
    project = django.find(loaded.base) or django.without_manage(loaded, env)
    if project is not None:
        from dvornik.apps import django_places  # noqa: PLC0415 - only for Django

        answer = django.ask(project, loaded, env)
        if isinstance(answer, Trouble):
            return django_places.without_answer(project, loaded, env, answer)
        return django_places.from_answer(project, loaded, env, answer)
    if kind == "django":
        raise ConfigurationError(
            _("no Django project was found"),
            context=f"{loaded.source or loaded.base}: app.kind = django",
            hint=_("Start dvornik in the directory of manage.py, or name the settings: [app] settings."),
        )
    return environment.look(loaded, env)
