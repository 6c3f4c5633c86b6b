"""Trac, tickets and a wiki: attachments lie under digests of the page's and of their own name, which no row holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.apps.pictures import PDF, picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser, Upload

# Who is there is the web server's to say.
SERVER = """
from trac.web.main import dispatch_request

def application(environ, start_response):
    environ["trac.env_path"], environ["REMOTE_USER"] = {environment!r}, "keeper"
    return dispatch_request(environ, start_response)
"""
CONFIGURATION = """
[databases.trac]
url = "sqlite:///env/db/trac.db"
[media.attachments]
root = "env/files/attachments"
"""


def make(app: Application) -> None:
    admin = ("-m", "trac.admin.console", "env")
    app.run(*admin, "initenv", "Yard", "sqlite:db/trac.db")
    app.run(*admin, "permission", "add", "keeper", "TRAC_ADMIN")
    (app.home / "site_wsgi.py").write_text(SERVER.format(environment=str(app.home / "env")))
    app.media = app.home / "env" / "files" / "attachments"
    app.configure(CONFIGURATION)


def fill(browser: Browser) -> Visit:
    for summary, text in (("A broken broom", "[[Image(cat.jpg)]]"), ("A wet floor", "I meant cat.jpg, and mop.png.")):
        browser.submit("/newticket", {"field_summary": summary, "field_description": text, "submit": "Create"})
    _attach(browser, "ticket/1", picture("cat.jpg"))
    _attach(browser, "ticket/1", ("Письмо №1.pdf", PDF))
    _attach(browser, "ticket/1", ("no ending", b"a text"))
    _attach(browser, "ticket/2", picture("cat.jpg"))
    for page in ("Notes", "Notes/2024/Ёлка"):
        browser.submit(f"/wiki/{page}?action=edit", {"text": "[[Image(mop.png)]]", "save": "Submit changes"})
        _attach(browser, f"wiki/{page}", picture("mop.png"))
    _attach(browser, "wiki/Notes", picture("mop.png"), replace="on")
    browser.submit("/admin/ticket/milestones", {"name": "spring", "add": "Add"})
    _attach(browser, "milestone/spring", ("plan.txt", b"clean the yard"))
    _attach(browser, "ticket/2", picture("deleted.jpg"))
    browser.submit("/attachment/ticket/2/deleted.jpg?action=delete", {"action": "delete", "delete": "Delete"})
    return Visit(["/ticket/1", "/ticket/2", "/wiki/Notes", "/wiki/Notes/2024/Ёлка", "/milestone/spring"])


def _attach(browser: Browser, parent: str, upload: tuple[str, bytes], **fields: str) -> None:
    file: Upload = ("attachment", *upload)
    browser.submit(f"/attachment/{parent}/?action=new", {"description": "", **fields}, file)


RECIPE = Recipe(
    name="trac",
    wsgi="site_wsgi:application",
    make=make,
    fill=fill,
    orphans=[
        "ticket/afc/afc97ea131fd7e2695a98ef34013608f97f34e1d/6b0d31c0d563223024da45691584643ac78c96e8.jpg",
        "wiki/415/415ee5e6f5fd3b2b7f0d3ed8a7b2eb7f0ff0c1b2/9d5e3ecdeb4cdb7acfd63075ae046672ceb6e6ca.png",
    ],
    shown="/raw-attachment/",
)
