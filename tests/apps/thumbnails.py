"""A gallery that makes thumbnails with every library there is: they stay with their picture, and go with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.apps.pictures import picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY, DEBUG, ROOT_URLCONF = "x", True, "gallery.urls"
INSTALLED_APPS = ["easy_thumbnails", "sorl.thumbnail", "imagekit", "stdimage", "versatileimagefield", "pictures",
                  "gallery"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
MEDIA_ROOT, MEDIA_URL = BASE_DIR / "media", "/media/"
PICTURES = {"USE_PLACEHOLDERS": False, "FILE_TYPES": ["WEBP"], "PIXEL_DENSITIES": [1], "CONTAINER_WIDTH": 600,
            "BREAKPOINTS": {"m": 600}, "GRID_COLUMNS": 2, "PROCESSOR": "pictures.tasks._process_picture"}
"""
MODELS = """
from django.db import models
from easy_thumbnails.fields import ThumbnailerImageField
from imagekit.models import ImageSpecField
from pictures.models import PictureField
from pilkit.processors import ResizeToFill
from sorl.thumbnail import ImageField
from stdimage import StdImageField
from versatileimagefield.fields import VersatileImageField

class Shot(models.Model):
    easy = ThumbnailerImageField(upload_to="easy/2024")
    sorl = ImageField(upload_to="sorl")
    kit = models.ImageField(upload_to="kit/a")
    kit_small = ImageSpecField(source="kit", processors=[ResizeToFill(50, 50)], format="JPEG")
    std = StdImageField(upload_to="std", variations={"thumbnail": (100, 75), "my_own": (20, 20, True)})
    versatile = VersatileImageField(upload_to="versatile")
    picture = PictureField(upload_to="pictures", aspect_ratios=[None, "16/9"])
"""
URLS = """
from django.conf import settings
from django.conf.urls.static import static
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from sorl.thumbnail import get_thumbnail
from gallery.models import Shot

FIELDS = ("easy", "sorl", "kit", "std", "versatile", "picture")
EASY = ({"size": (100, 0)}, {"size": (80, 80), "crop": "10,-10", "background": "#fff", "quality": 40},
        {"size": (60, 60), "HIGH_RESOLUTION": True})

def addresses(shot):
    yield from (getattr(shot, name).url for name in FIELDS)
    yield from (shot.easy.get_thumbnail(options).url for options in EASY)
    yield get_thumbnail(shot.sorl, "100x100", crop="center").url
    yield from (shot.kit_small.url, shot.std.thumbnail.url, shot.std.my_own.url)
    yield from (shot.versatile.thumbnail["200x200"].url, shot.versatile.crop["40x40"].url)
    yield from (shot.versatile.filters.invert.url, shot.versatile.filters.invert.thumbnail["10x10"].url)
    yield from (each.url for each in shot.picture.get_picture_files_list())

def show(request):
    return HttpResponse("".join(f'<img src="{url}">' for shot in Shot.objects.all() for url in addresses(shot)))

def add(request):
    Shot.objects.create(**{name: request.FILES[name] for name in FIELDS})
    return redirect("/")

def remove(request):
    Shot.objects.filter(easy__contains=request.POST["name"]).delete()
    return redirect("/")

urlpatterns = [path("", show), path("add/", add), path("remove/", remove)]
urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
"""
FIELDS = ("easy", "sorl", "kit", "std", "versatile", "picture")
# What these libraries note of the thumbnails that they made says nothing of whether the original is used.
CONFIGURATION = """
[databases.default]
url = "sqlite:///db.sqlite3"
exclude = ["easy_thumbnails_*", "thumbnail_kvstore.*"]
"""


def make(app: Application) -> None:
    package = app.home / "gallery"
    package.mkdir()
    (app.home / "manage.py").write_text(MANAGE)
    for name, text in (("__init__", ""), ("settings", SETTINGS), ("models", MODELS), ("urls", URLS)):
        (package / f"{name}.py").write_text(text)
    wsgi = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
    (package / "wsgi.py").write_text(wsgi)
    app.env["DJANGO_SETTINGS_MODULE"] = "gallery.settings"
    app.configure(CONFIGURATION)
    app.manage("migrate", "--run-syncdb")


def fill(browser: Browser) -> Visit:
    for name in ("kept one.jpg", "gone.jpg", "Kept-2.PNG"):
        browser.send("/add/", {}, *((field, *picture(name)) for field in FIELDS))
    browser.get("/")
    browser.send("/remove/", {"name": "gone"})
    # sorl's own name is a hash, which is held: only its store knows of what.
    return Visit(["/"], left=["*/gone*"])


RECIPE = Recipe(
    name="thumbnails",
    wsgi="gallery.wsgi:application",
    make=make,
    fill=fill,
    orphans=["easy/2024/nobody.jpg.100x0_q85.jpg", "__sized__/versatile/nobody-crop-c0-5__0-5-40x40-70.jpg"],
)
