"""Indico, conferences on Flask, SQLAlchemy and PostgreSQL: papers and pictures that rows name by their stored path."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from tests.apps.pictures import PDF, picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser, Upload

PASSWORD = "yard-keepers-broom"
# Its own parser reads this file, and complains of names that are no settings of it.
SETTINGS = """
SQLALCHEMY_DATABASE_URI = __import__("os").environ["DATABASE_URL"]
CELERY_BROKER = REDIS_CACHE_URL = __import__("os").environ["REDIS_URL"]
BASE_URL = "http://127.0.0.1:" + __import__("os").environ.get("PORT", "80")
SECRET_KEY = b"0123456789abcdef0123456789abcdef"
DEFAULT_TIMEZONE, DEFAULT_LOCALE = "UTC", "en_GB"
CACHE_DIR, TEMP_DIR, LOG_DIR = "{home}/cache", "{home}/tmp", "{home}/log"
STORAGE_BACKENDS, ATTACHMENT_STORAGE = {{"default": "fs:{home}/archive"}}, "default"
SUPPORT_EMAIL = NO_REPLY_EMAIL = "keeper@example.com"
EMAIL_BACKEND = "indico.vendor.django_mail.backends.dummy.EmailBackend"
SMTP_USE_CELERY, DISABLE_CELERY_CHECK, SYSTEM_NOTICES_URL = False, True, None
"""
PERSON = {
    "first_name": "Yard",
    "last_name": "Keeper",
    "affiliation": "Yard",
    "email": "keeper@example.com",
    "username": "keeper",
    "password": PASSWORD,
    "confirm_password": PASSWORD,
}
EVENT = {
    "title": "A conference",
    "listing": "true",
    "category": '{"id": 0, "title": "Home"}',
    "timezone": "UTC",
    "location_data": '{"address": "", "inheriting": false}',
    "protection_mode": "inheriting",
    "start_dt": ["01/02/2099", "08:00"],
    "end_dt": ["01/02/2099", "18:00"],
}


def make(app: Application) -> None:
    for name in ("cache", "tmp", "log", "archive"):
        (app.home / name).mkdir()
    (app.home / "indico.conf").write_text(SETTINGS.format(home=app.home))
    sample = Path(app.run("-c", "import indico; print(indico.__path__[0])").strip()) / "logging.yaml.sample"
    (app.home / "logging.yaml").write_bytes(sample.read_bytes())
    (app.home / "site_wsgi.py").write_text("from indico.web.flask.app import make_app\napplication = make_app()\n")
    app.env["INDICO_CONFIG"] = str(app.home / "indico.conf")
    app.media = app.home / "archive"
    app.configure('[media.archive]\nroot = "archive"\n')
    with psycopg.connect(app.env["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_trgm")
        connection.execute("CREATE EXTENSION unaccent")
    app.run("-c", "from indico.cli.core import cli; cli()", "db", "prepare")


def fill(browser: Browser) -> Visit:
    browser.submit("/bootstrap", PERSON)
    found = re.search(r'id="csrf-token" content="([^"]*)"', browser.get("/user/1/profile/").text)
    assert found
    token = {"csrf_token": found[1]}

    def upload(address: str, *files: Upload) -> str:
        return browser.send(address, {**token, "protected": "", "folder": "__None", "source": "custom"}, *files).text

    event = {f"event-creation-{name}": value for name, value in (EVENT | token).items()}
    browser.send("/event/create/conference", event)
    upload("/event/1/manage/attachments/add/files", ("files", "Письмо №1.pdf", PDF), ("files", *picture("slides.jpg")))
    inline = json.loads(upload("/event/1/manage/attachments/add/ckeditor", ("upload", *picture("in the text.png"))))
    about = f'<p><img src="{inline["url"]}"></p>'
    browser.send("/event/1/manage/settings/data", {**token, "title": "A conference", "description": about})
    upload("/event/1/manage/layout/images/upload", ("image", *picture("layout cat.jpg")))
    upload("/event/1/manage/layout/logo", ("logo", *picture("logo.png")))
    upload("/category/0/manage/attachments/add/files", ("files", "rules.pdf", PDF))
    upload("/user/1/profile/picture", ("picture", *picture("me.png")))
    return Visit(
        [
            "/event/1/",
            "/event/1/manage/attachments/",
            "/event/1/manage/layout/images/",
            "/category/0/manage/attachments/",
        ]
    )


RECIPE = Recipe(
    name="indico",
    wsgi="site_wsgi:application",
    make=make,
    fill=fill,
    orphans=["event/1/event/99-99-nobody.pdf", "event/1/images/99-layout_dog.jpg", "category/0/77-77-rules.pdf"],
    shown=r"/(?:event/\d+/(?:attachments/\d|images/|logo-)|category/\d+/attachments/\d)",
)
