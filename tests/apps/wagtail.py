"""Wagtail, a CMS: pictures that rich text and blocks name by number alone, their renditions, drafts, old revisions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.apps.django_project import NAME, PASSWORD, add_administrator, lay_over
from tests.apps.pictures import PDF, picture
from tests.apps.recipe import Recipe, Visit

if TYPE_CHECKING:
    from tests.apps.application import Application
    from tests.apps.browser import Browser, Value

MODEL = """
from django.db import models
from wagtail.admin.panels import FieldPanel
from wagtail.blocks import RawHTMLBlock
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.fields import RichTextField, StreamField
from wagtail.images.blocks import ImageChooserBlock

BLOCKS = [("image", ImageChooserBlock()), ("paper", DocumentChooserBlock()), ("html", RawHTMLBlock())]

class Article(Page):
    cover = models.ForeignKey("wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    body = RichTextField(blank=True)
    blocks = StreamField(BLOCKS, blank=True)
    content_panels = [*Page.content_panels, FieldPanel("cover"), FieldPanel("body"), FieldPanel("blocks")]
"""
TEMPLATE = """
{% load wagtailcore_tags wagtailimages_tags %}
{% image page.cover fill-200x200-c100 %} {% image page.cover original %} {% image page.cover width-400 format-webp %}
{% srcset_image page.cover width-{300,500} sizes="100vw" %} {% picture page.cover format-{avif,webp,jpeg} max-165x165 %}
{{ page.body|richtext }}
{% for block in page.blocks %}
  {% if block.block_type == "image" %}{% image block.value scale-50 jpegquality-40 %}
  {% elif block.block_type == "paper" %}<a href="{{ block.value.url }}">{{ block.value }}</a>
  {% else %}{{ block.value }}{% endif %}
{% endfor %}
"""
PICTURES = (
    "cover.jpg",
    "Кадр (1).png",
    "in a block.jpg",
    "draft.jpg",
    "old revision.jpg",
    "scheduled.jpg",
    "cover.jpg",
)
"""Uploaded in this order, they are numbered from 1."""
COVER, INSIDE, BLOCK, DRAFT, OLD, SCHEDULED, TWIN = map(str, range(1, len(PICTURES) + 1))
HOME = "/admin/pages/add/home/article/3/"


def make(app: Application) -> None:
    app.run("-c", "from wagtail.bin.wagtail import main; main()", "start", "museum", ".")
    with (app.home / "home" / "models.py").open("a") as models:
        models.write(MODEL)
    (app.home / "home" / "templates" / "home" / "article.html").write_text(TEMPLATE)
    lay_over(app, "museum.settings.dev")
    app.manage("makemigrations", "home")
    app.manage("migrate")
    add_administrator(app)


def fill(browser: Browser) -> Visit:
    browser.submit("/admin/login/", {"username": NAME, "password": PASSWORD})
    for name in PICTURES:
        browser.submit("/admin/images/add/", {"title": "untitled"}, ("file", *picture(name)))
    browser.submit("/admin/documents/add/", {"title": "Letter"}, ("file", "Письмо.pdf", PDF))
    names = {"name_email-first_name": "A", "name_email-last_name": "B"}
    browser.submit("/admin/account/", names, ("avatar-avatar", *picture("me.png")))
    _write(browser, HOME, "news", cover=COVER, body=_rich(INSIDE), **_blocks(image=BLOCK, paper="1"))
    _write(browser, HOME, "twin", cover=TWIN, **_blocks(html='<img src="/media/original_images/cover.jpg">'))
    _write(browser, HOME, "draft", cover=DRAFT, **{"action-publish": None})
    _write(browser, HOME, "revised", cover=OLD)
    _write(browser, "/admin/pages/7/edit/", "revised", cover=COVER)
    _write(browser, HOME, "scheduled", cover=SCHEDULED, go_live_at="2099-01-01 00:00")
    _write(browser, HOME, "withdrawn", cover=SCHEDULED)
    browser.submit("/admin/pages/9/unpublish/", {})
    public = ["/news/", "/twin/", "/revised/"]
    drafts = [f"/admin/pages/{page}/view_draft/" for page in (4, 5, 6, 7, 8, 9)]
    revisions = [f"/admin/pages/7/revisions/{number}/view/" for number in (4, 5)]
    return Visit([*public, *drafts, *revisions, "/admin/images/", "/admin/documents/", "/admin/account/"])


def _write(browser: Browser, address: str, title: str, **fields: Value) -> None:
    browser.submit(address, {"title": title, "slug": title, "action-publish": "1", "blocks-count": "0", **fields})


def _rich(image: str) -> str:
    """Return a text with a picture in it, as Wagtail's editor sends it."""
    block = {"key": "a", "depth": 0, "inlineStyleRanges": []}
    embed = {"type": "IMAGE", "mutability": "IMMUTABLE", "data": {"id": image, "alt": "inside", "format": "left"}}
    picture_block = {**block, "type": "atomic", "text": " ", "entityRanges": [{"offset": 0, "length": 1, "key": 0}]}
    return json.dumps({"blocks": [picture_block], "entityMap": {"0": embed}})


def _blocks(**values: str) -> dict[str, Value]:
    fields: dict[str, Value] = {"blocks-count": str(len(values))}
    for number, (kind, value) in enumerate(values.items()):
        each = {"type": kind, "value": value, "order": str(number), "deleted": "", "id": ""}
        fields |= {f"blocks-{number}-{name}": text for name, text in each.items()}
    return fields


RECIPE = Recipe(
    name="wagtail",
    wsgi="museum.wsgi:application",
    make=make,
    fill=fill,
    orphans=[
        "original_images/nobody.jpg",
        "images/nobody.width-800.jpg",
        "images/nobody.2e16d0ba.fill-200x200-c100.format-webp.webp",
        "images/vanished.max-165x165.jpg",
        "documents/nobody.pdf",
        "avatar_images/nobody.png",
    ],
    shown=r"/(?:media|documents|admin/images/\d+/preview)/",
)
