"""How the site presents itself on every page: name, emblem, banner, from the rows of its settings."""

import json
from typing import Any

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.http import HttpRequest

from journal.models import Article, Document, Photo, SiteSetting

CACHED_FOR = 60
"""Seconds."""


def of_the_site(_request: HttpRequest) -> dict[str, Any]:
    """Return what the frame of every page shows."""
    return {"appearance": cache.get_or_set("appearance", _read, CACHED_FOR)}


def _read() -> dict[str, Any]:
    values = dict(SiteSetting.objects.values_list("key", "value"))
    logo = values.get("logo", "")
    return {
        "title": values.get("title", "Двор"),
        "motto": values.get("motto", "журнал о том, что под окнами"),
        "logo": default_storage.url(logo) if logo else "",
        # Written by a page builder: JSON in a text column, with the slashes escaped.
        "banner": json.loads(values.get("banner") or "{}"),
        "counts": {
            "articles": Article.objects.visible().count(),
            "photos": Photo.objects.count(),
            "documents": Document.objects.count(),
        },
    }
