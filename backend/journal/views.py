"""The journal's pages."""

import logging
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from journal.forms import ArticleForm, PictureForm
from journal.models import Article, Document, Photo

ARTICLES_A_PAGE = 13
"""The first one wide, then rows of three."""
PHOTOS_A_PAGE = 24

log = logging.getLogger("journal")
editors_only: Callable[..., Any] = permission_required("journal.change_article")


def home(request: HttpRequest) -> HttpResponse:
    """List the articles, newest first; an editor's list also holds drafts."""
    articles = _seen_by(request).select_related("author")
    page = Paginator(articles, ARTICLES_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "journal/home.html", {"page": page, "section": "home"})


def article(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one article with its gallery, recording, film and comments."""
    shown = get_object_or_404(_seen_by(request).select_related("author"), slug=slug)
    extra = shown.extra
    context = {
        "article": shown,
        "gallery": [default_storage.url(name) for name in extra.get("gallery", [])],
        "video": {key: default_storage.url(name) for key, name in extra.get("video", {}).items()},
        "recording": default_storage.url(extra["recording"]) if "recording" in extra else "",
        "others": Article.objects.visible().exclude(pk=shown.pk).exclude(cover="")[:3],
        "section": "home",
    }
    return render(request, "journal/article.html", context)


def documents(request: HttpRequest) -> HttpResponse:
    """List the documents for download."""
    return render(request, "journal/documents.html", {"documents": Document.objects.all(), "section": "documents"})


def photos(request: HttpRequest) -> HttpResponse:
    """Show the gallery."""
    page = Paginator(Photo.objects.all(), PHOTOS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "journal/photos.html", {"page": page, "section": "photos"})


@editors_only
def edit(request: HttpRequest, slug: str = "") -> HttpResponse:
    """Write a new article, or change one."""
    written = get_object_or_404(Article, slug=slug, deleted_at=None) if slug else None
    form = ArticleForm(request.POST or None, request.FILES or None, instance=written)
    if request.method == "POST" and form.is_valid():
        saved = form.save()
        log.info("article %s saved by %s", saved.slug, request.user)
        return redirect(saved)
    return render(request, "journal/edit.html", {"form": form, "article": written, "section": "edit"})


@editors_only
@require_POST
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    """Take an article from the pages; its row stays, so that it can be brought back."""
    Article.objects.filter(slug=slug).update(deleted_at=timezone.now())
    log.info("article %s deleted by %s", slug, request.user)
    return redirect("home")


@editors_only
@require_POST
def upload(request: HttpRequest) -> JsonResponse:
    """Store a picture and answer with its address, which the editor's page writes into the text."""
    form = PictureForm(request.POST, request.FILES)
    if not form.is_valid():
        return JsonResponse({"error": form.errors["file"][0]}, status=400)
    picture = form.cleaned_data["file"]
    name = default_storage.save(f"uploads/{timezone.localdate():%Y/%m}/{picture.name}", picture)
    log.info("picture %s uploaded by %s", name, request.user)
    return JsonResponse({"location": default_storage.url(name)})


def _seen_by(request: HttpRequest) -> Any:  # noqa: ANN401 - a query set, which Django does not type
    if request.user.has_perm("journal.change_article"):
        return Article.objects.filter(deleted_at=None)
    return Article.objects.visible()
