"""Roundup, an issue tracker: messages and files lie under their class and number, which no row holds as a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.apps.pictures import PDF, picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser

PASSWORD = "yard-keepers-broom"
# Its pages show messages as a part of themselves; the list that is added here names each.
SERVER = """
import os, re
from pathlib import Path
import roundup.instance
from roundup.cgi.wsgi_handler import RequestDispatcher

home = {home!r}
config = Path(home, "config.ini")
address = "http://127.0.0.1:" + os.environ.get("PORT", "80") + "/"
config.write_text(re.sub("(?m)^web = .*$", "web = " + address, config.read_text()))
tracker = RequestDispatcher(home)

def application(environ, start_response):
    environ["TRACKER_NAME"], environ["HTTP_ORIGIN"] = "yard", address.rstrip("/")
    if environ["PATH_INFO"] != "/all":
        return tracker(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    database = roundup.instance.open(home).open("admin")
    try:
        every = [f"/{{kind}}{{row}}/content" for kind in ("msg", "file") for row in database.getclass(kind).list()]
    finally:
        database.close()
    return ["".join(f'<a href="{{each}}">it</a>' for each in every).encode()]
"""
CONFIGURATION = """
[databases.roundup]
url = "sqlite:///yard/db/db"
[media.files]
root = "yard/db/files"
"""


def make(app: Application) -> None:
    admin = ("-m", "roundup.scripts.roundup_admin", "-i", "yard")
    settings = "mail_domain=example.com,mailhost=localhost,tracker_web=http://127.0.0.1/"
    app.run(*admin, "install", "classic", "sqlite", settings)
    app.run(*admin, "initialise", PASSWORD)
    (app.home / "site_wsgi.py").write_text(SERVER.format(home=str(app.home / "yard")))
    app.media = app.home / "yard" / "db" / "files"
    app.configure(CONFIGURATION)


def fill(browser: Browser) -> Visit:
    browser.submit("/", {"__login_name": "admin", "__login_password": PASSWORD})
    for number in range(4):
        note = f"Look at file{number} again: I meant msg1, not the other one."
        upload = ("@file", *picture(f"cat {number}.jpg")) if number else ("@file", "Письмо №1.pdf", PDF)
        browser.submit("/issue?@template=item", {"title": f"Issue {number}", "priority": "3", "@note": note}, upload)
    return Visit(["/all"])


RECIPE = Recipe(
    name="roundup",
    wsgi="site_wsgi:application",
    make=make,
    fill=fill,
    orphans=[],
    held=["file/0/file77", "msg/0/msg78"],
    shown=r"/(?:file|msg)\d+/",
)
