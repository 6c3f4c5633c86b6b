"""Where the application's things are: told by the configuration, else found out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dvornik.application import App
from dvornik.apps import declared, django, environment
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
