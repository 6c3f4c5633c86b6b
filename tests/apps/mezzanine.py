"""Mezzanine, a CMS: galleries out of archives, a media library, posts in HTML, thumbnails beside their originals."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import quote
from zipfile import ZipFile

from tests.apps.django_project import lay_over
from tests.apps.pictures import PDF, picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser

SETTINGS = """
BLOG_USE_FEATURED_IMAGE = True
ROOT_URLCONF = "site_urls"
"""
# The project's own server would show the media; with another one, its addresses have to.
URLS = """
from blogsite.urls import *
from django.conf import settings as own
from django.conf.urls.static import static
urlpatterns = [*static("/media/", document_root=own.MEDIA_ROOT), *urlpatterns]
"""


def make(app: Application) -> None:
    app.run("-m", "mezzanine.bin.mezzanine_project", "blogsite", ".")
    settings = app.home / "blogsite" / "settings.py"
    text = settings.read_text()  # which wants a module that Python 3.12 does not have any more
    settings.write_text(text.replace("import imp", "import types").replace("imp.new_module", "types.ModuleType"))
    (app.home / "site_urls.py").write_text(URLS)
    lay_over(app, "blogsite.settings", SETTINGS)
    app.manage("createdb", "--noinput")


def fill(browser: Browser) -> Visit:
    browser.submit("/admin/login/", {"username": "admin", "password": "default"})
    for name in ("in the text.jpg", "featured.jpg", "draft.png", "to come.jpg", "Ёлка, 2024.jpg", "unused.jpg"):
        browser.submit("/admin/media-library/upload/", {"folder": ""}, ("Filedata", *picture(name)))
    browser.submit("/admin/media-library/upload/", {"folder": ""}, ("Filedata", "letter.pdf", PDF))
    _post(
        browser,
        "public",
        '<img src="/media/uploads/in_the_text.jpg"><a href="/media/uploads/letter.pdf">letter</a>',
        "featured",
    )
    _post(browser, "fir", f'<img src="/media/uploads/{quote("ёлка,_2024.jpg")}">')
    _post(browser, "draft", '<img src="/media/uploads/draft.png">', status="1")
    _post(
        browser,
        "to-come",
        "<img src='/media/uploads/to_come.jpg'>",
        publish_date_0="2099-01-01",
        publish_date_1="00:00",
    )
    for title in ("garden", "gone"):
        archive = ("zip_import", f"{title}.zip", _archive(f"{title}-1.jpg", f"{title}-Ü-2.png"))
        browser.submit("/admin/galleries/gallery/add/", {"title": title, "content": "Pictures"}, archive)
    pages = [
        "/",
        "/gallery/",
        "/garden/",
        "/gone/",
        "/blog/",
        "/blog/public/",
        "/blog/fir/",
        "/blog/draft/",
        "/blog/to-come/",
    ]
    for page in pages:
        browser.get(page)
    browser.submit("/admin/galleries/gallery/10/delete/", {})
    pages.remove("/gone/")
    return Visit(pages, left=["uploads/unused.jpg", "uploads/.thumbnails/unused.jpg/*", "uploads/gone/*"])


def _post(browser: Browser, title: str, content: str, featured: str = "", **fields: str) -> None:
    fields |= {"featured_image": f"uploads/{featured}.jpg"} if featured else {}
    browser.submit("/admin/blog/blogpost/add/", {"title": title, "content": content, **fields})


def _archive(*names: str) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(*picture(name))
    return out.getvalue()


RECIPE = Recipe(
    name="mezzanine",
    wsgi="blogsite.wsgi:application",
    make=make,
    fill=fill,
    orphans=[
        "uploads/nobody.jpg",
        "uploads/.thumbnails/nobody.jpg/nobody-75x75.jpg",
        "uploads/gallery/.thumbnails/Nowhere, Norway.jpg/Nowhere, Norway-131x75.jpg",
    ],
)
