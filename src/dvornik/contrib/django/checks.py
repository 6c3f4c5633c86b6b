"""Django's system checks of what dvornik hangs on: ``manage.py check``, and ``check --deploy`` for the schedule."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's own name

from dvornik import config, health, quick_health
from dvornik.errors import DvornikError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dvornik.config import Loaded


def configuration(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401, ARG001 - Django's own signature
    """E001: the configuration cannot be used."""
    try:
        _loaded()
    except DvornikError as error:
        text = f"dvornik: {error.message} {error.context}".strip()
        return [Error(text, hint=error.hint or None, id="dvornik.E001")]
    return []


def places(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401, ARG001 - as above
    """E002: the state lies where it is served."""
    loaded = _loaded_or_none()
    return list(_served(loaded)) if loaded else []


def ownership(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401, ARG001 - as above
    """W001: MEDIA_ROOT lies outside the project, and nobody said that it is the project's own."""
    loaded = _loaded_or_none()
    return list(_outside(loaded)) if loaded else []


def schedule(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:  # noqa: ANN401, ARG001 - as above
    """W002: no cleanup has succeeded for as long as the alert allows (7 days)."""
    loaded = _loaded_or_none()
    if loaded is None:
        return []
    limit = float(loaded.config.health.max_age)
    try:
        last = health.read(Path(loaded.config.app.state) / quick_health.NAME).last_success
    except (OSError, ValueError):
        last = None
    if last is not None and time.time() - last <= limit:
        return []
    text = (
        f"No cleanup has succeeded within the last {limit / 86400:g} days." if last else "No cleanup has succeeded yet."
    )
    return [Warning(text, hint="Look at dvornik history, and schedule it (cron, systemd, Celery).", id="dvornik.W002")]


def _project() -> Path:
    """Return the project's directory: BASE_DIR, which is a custom and no setting, else where manage.py was started."""
    return Path(getattr(settings, "BASE_DIR", None) or Path.cwd())


def _loaded() -> Loaded:
    return config.load(None, os.environ, _project())


def _loaded_or_none() -> Loaded | None:
    try:
        return _loaded()
    except DvornikError:  # E001 says so
        return None


def _served(loaded: Loaded) -> Iterator[CheckMessage]:
    state = Path(loaded.config.app.state).resolve()
    for name, root in _roots():
        if state.is_relative_to(root):
            hint = "Set [app] state in dvornik.toml to a directory that no web server serves."
            yield Error(f"dvornik's state {state} lies in {name} and would be served.", hint=hint, id="dvornik.E002")


def _outside(loaded: Loaded) -> Iterator[CheckMessage]:
    media = dict(_roots()).get("MEDIA_ROOT")
    is_declared = any(media and Path(each.root).resolve() == media for each in loaded.config.media.values())
    if media is None or is_declared or loaded.config.app.allow_outside:
        return
    if not media.is_relative_to(loaded.base.resolve()):
        hint = (
            "Files of another application would look unused. If it is this project's own: [app] allow_outside = true."
        )
        yield Warning(f"MEDIA_ROOT {media} lies outside {loaded.base}.", hint=hint, id="dvornik.W001")


def _roots() -> Iterator[tuple[str, Path]]:
    """Yield the directories that are served, with their setting's name."""
    for name in ("MEDIA_ROOT", "STATIC_ROOT"):
        if getattr(settings, name, None):
            yield name, Path(getattr(settings, name)).resolve()
    for each in getattr(settings, "STATICFILES_DIRS", ()):
        yield "STATICFILES_DIRS", Path(each[1] if isinstance(each, (list, tuple)) else each).resolve()
