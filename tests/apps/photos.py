"""A club's site with galleries of photologue, avatars, and a picture of django-imagefield: each makes its own sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.apps.django_project import add_administrator
from tests.apps.pictures import picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "club.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY, DEBUG, ROOT_URLCONF, SITE_ID = "x", True, "club.urls", 1
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                  "django.contrib.sessions", "django.contrib.messages", "django.contrib.sites", "sortedm2m",
                  "photologue", "avatar", "imagefield", "club"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
CONTEXT = ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
           "django.contrib.messages.context_processors.messages"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
              "OPTIONS": {"context_processors": CONTEXT}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD, USE_TZ = "django.db.models.AutoField", True
MEDIA_ROOT, MEDIA_URL, STATIC_URL = BASE_DIR / "media", "/media/", "/static/"
AVATAR_AUTO_GENERATE_SIZES, AVATAR_THUMB_FORMAT = (80, 40), "PNG"
IMAGEFIELD_BIN_DEPTH = 2
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
"""
MODELS = """
from django.db import models
from imagefield.fields import ImageField

class Member(models.Model):
    face = ImageField(upload_to="faces/2024", auto_add_fields=True,
                      formats={"small": ["default", ("crop", (60, 60))],
                               "large": ["default", ("thumbnail", (300, 300))]})
"""
URLS = """
from avatar.models import Avatar
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import include, path
from photologue.models import Photo
from club.models import Member

SIZES = ("thumbnail", "display", "admin_thumbnail")

def addresses():
    for member in Member.objects.all():
        yield from (member.face.url, member.face.small, member.face.large)
    for photo in Photo.objects.all():
        yield photo.image.url
        yield from (getattr(photo, f"get_{size}_url")() for size in SIZES)
    for avatar in Avatar.objects.all():
        yield avatar.avatar.url
        yield from (avatar.avatar_url(size) for size in (80, 40))

def show(request):
    return HttpResponse("".join(f'<img src="{url}">' for url in addresses()))

def add(request):
    number = Photo.objects.count()
    Photo.objects.create(image=request.FILES["photo"], title=f"no. {number}", slug=f"no-{number}")
    Member.objects.create(face=request.FILES["face"])
    Avatar.objects.create(user=User.objects.get(), avatar=request.FILES["avatar"])
    return redirect("/")

def remove(request):
    # Rows go behind the applications' backs, as with a script or a restored dump: their own signals delete the files.
    Photo.sites.through.objects.filter(photo__image__contains=request.POST["name"]).delete()
    for rows, field in ((Photo.objects, "image"), (Member.objects, "face"), (Avatar.objects, "avatar")):
        each = rows.filter(**{f"{field}__contains": request.POST["name"]})
        each._raw_delete(each.db)
    return redirect("/")

urlpatterns = [path("", show), path("add/", add), path("remove/", remove), path("admin/", admin.site.urls)]
urlpatterns += [path("avatar/", include("avatar.urls")), path("photologue/", include("photologue.urls"))]
urlpatterns += static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)
"""
SIZES = """
from photologue.models import PhotoEffect, PhotoSize
PhotoSize.objects.all().delete()
effect = PhotoEffect.objects.create(name="mirror", reflection_size=0.3)
for name, width, height in (("thumbnail", 100, 75), ("display", 400, 0), ("admin_thumbnail", 60, 60)):
    PhotoSize.objects.create(name=name, width=width, height=height, crop=bool(height), pre_cache=True,
                             effect=None if height else effect)
"""


def make(app: Application) -> None:
    package = app.home / "club"
    package.mkdir()
    (app.home / "manage.py").write_text(MANAGE)
    for name, text in (("__init__", ""), ("settings", SETTINGS), ("models", MODELS), ("urls", URLS)):
        (package / f"{name}.py").write_text(text)
    wsgi = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
    (package / "wsgi.py").write_text(wsgi)
    app.env["DJANGO_SETTINGS_MODULE"] = "club.settings"
    app.manage("migrate", "--run-syncdb")
    app.manage("shell", "-c", SIZES)
    add_administrator(app)


def fill(browser: Browser) -> Visit:
    for name in ("kept one.jpg", "gone.jpg", "Снимок-2.PNG"):
        browser.send("/add/", {}, *((field, *picture(name)) for field in ("photo", "face", "avatar")))
    browser.get("/")
    browser.send("/remove/", {"name": "gone"})
    return Visit(["/"], left=["*gone*"])


RECIPE = Recipe(
    name="photos",
    wsgi="club.wsgi:application",
    make=make,
    fill=fill,
    orphans=[
        "photologue/photos/nobody.jpg",
        "photologue/photos/cache/nobody_display.jpg",
        "avatars/1/nobody.png",
        "avatars/1/resized/80/80/nobody.png",
        "__processed__/0a1/b2c/nobody-0123456789ab.jpg",
    ],
)
