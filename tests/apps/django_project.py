"""What the recipes of Django applications have in common: settings laid over the project's, and an administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.apps.application import Application

NAME, PASSWORD = "keeper", "dvornik"
# Passwords are hashed slowly on purpose, which here only costs time.
SETTINGS = 'PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]\n'


def lay_over(app: Application, project: str, settings: str = "") -> None:
    """Let the application run with ``settings`` after the settings module ``project``, and dvornik find them."""
    (app.home / "site_settings.py").write_text(f"from {project} import *\n{SETTINGS}{settings}")
    app.env["DJANGO_SETTINGS_MODULE"] = "site_settings"


def add_administrator(app: Application) -> None:
    """Let somebody in."""
    app.env["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    app.manage("createsuperuser", "--noinput", f"--username={NAME}", "--email=keeper@example.com")
