"""The application's name in Django."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    """The journal."""

    name = "journal"
    verbose_name = "Журнал"
