"""Spirit, a forum: avatars, pictures and attachments that only the text of a comment names, history, removed posts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.apps.django_project import NAME, PASSWORD, add_administrator, lay_over
from tests.apps.pictures import PDF, picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser

SETTINGS = """
import pylibmagic  # brings the library that python-magic looks for
ST_UPLOAD_FILE_ENABLED = True
ST_RATELIMIT_ENABLE = False
"""


def make(app: Application) -> None:
    app.run("-m", "spirit.extra.bin.spirit", "startproject", "forum", "--path=.")
    lay_over(app, "forum.settings.dev", SETTINGS)
    app.manage("spiritinstall")
    add_administrator(app)


def fill(browser: Browser) -> Visit:
    browser.submit("/user/login/", {"username": NAME, "password": PASSWORD})
    browser.submit("/user/", {}, ("avatar", *picture("me.jpg")))
    browser.submit("/st/admin/category/create/", {"title": "News"})
    letter = _upload(browser, "file", "Письмо №1.pdf", PDF)
    cat = _upload(browser, "image", *picture("Кот и (пёс).jpg"))
    browser.submit(
        "/topic/publish/",
        {
            "title": "A topic",
            "category": "2",
            "comment": f"![cat]({cat})\n\n[letter.pdf]({letter}) <{browser.root}{letter}>",
        },
    )
    edited, removed = (_upload(browser, "image", *picture(name)) for name in ("edited.jpg", "removed.jpg"))
    browser.submit("/comment/1/publish/", {"comment": f"![was here]({edited})"})
    browser.submit("/comment/2/update/", {"comment": "Only the history shows it now."})
    browser.submit("/comment/1/publish/", {"comment": f"![soon gone]({removed})"})
    browser.submit("/comment/3/delete/", {})
    private = _upload(browser, "image", *picture("private.jpg"))
    browser.submit(
        "/topic/private/publish/", {"title": "Between us", "users": NAME, "comment": f"![secret]({private})"}
    )
    _upload(browser, "image", *picture("never posted.jpg"))
    pages = (
        "/",
        "/user/",
        "/user/1/keeper/",
        "/topic/1/a-topic/",
        "/comment/history/2/",
        "/topic/private/2/between-us/",
    )
    return Visit(pages, left=["spirit/images/1/*/never_posted.jpg"])


def _upload(browser: Browser, kind: str, name: str, content: bytes) -> str:
    address = "/comment/upload/" if kind == "image" else "/comment/upload/file/"
    answer = json.loads(browser.send(address, {}, (kind, name, content)).text)
    url: str = answer["url"]
    return url


RECIPE = Recipe(
    name="spirit",
    wsgi="forum.wsgi:application",
    make=make,
    fill=fill,
    orphans=[
        "spirit/images/1/0123456789abcdef0123456789abcdef/nobody.jpg",
        "spirit/files/1/abcdef0123456789abcdef0123456789/nobody.pdf",
        "spirit/avatars/77/pic.jpg",
        "spirit/avatars/77/pic_small.jpg",
    ],
)
