"""Tells Django of the app and of its checks."""

from __future__ import annotations

from django.apps import AppConfig


class DvornikConfig(AppConfig):
    """Housekeeping."""

    name = "dvornik.contrib.django"
    label = "dvornik"
    verbose_name = "dvornik"

    def ready(self) -> None:
        """Register the checks."""
        from django.core.checks import Tags, register  # noqa: PLC0415 - the apps are loaded only now

        from dvornik.contrib.django.checks import configuration, ownership, places, schedule  # noqa: PLC0415 - as above

        register(configuration)
        register(places, Tags.files)
        register(ownership, Tags.files, deploy=True)
        register(schedule, deploy=True)
