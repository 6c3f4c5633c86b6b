"""The reference site works as a site."""

from __future__ import annotations

import json
import time
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.site.site import BrokenLinksError, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.site.site import Site

PREFIX = "/media/"


@pytest.fixture(scope="module")
def shown(populated: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return populated.copy(tmp_path_factory.mktemp("shown") / "site")


@pytest.fixture(scope="module")
def visitor(shown: Site) -> Iterator[Visitor]:
    with shown.serve() as visitor:
        visitor.sign_in()
        yield visitor


def picture() -> bytes:
    out = BytesIO()
    # Large enough to pass through the directory of uploads in progress.
    Image.effect_noise((900, 600), 90).save(out, "PNG")
    return out.getvalue()


def article_by_status(site: Site, where: str) -> str:
    query = f"from journal.models import Article; print(Article.objects.filter({where})[0].get_absolute_url())"
    return site.manage("shell", "--no-imports", "-c", query).strip()


def test_every_picture_and_document_of_a_page_is_served_as_it_lies_on_the_disk(
    populated: Site, visitor: Visitor
) -> None:
    pages = visitor.crawl()
    media = {path.removeprefix(PREFIX): body for path, body in pages.items() if path.startswith(PREFIX)}
    assert set(media) <= set(populated.manifest.used)
    assert len(media) > len(populated.manifest.used) * 0.7
    for name, body in media.items():
        assert body == (populated.media / name).read_bytes(), name


def test_every_file_in_use_is_served(populated: Site, visitor: Visitor) -> None:
    for name in populated.manifest.used:
        page = visitor.media(name)
        assert page.status == 200, name
        assert page.body == (populated.media / name).read_bytes()


def test_the_crawl_covers_candidates_galleries_downloads_and_thumbnails(visitor: Visitor) -> None:
    pages = set(visitor.crawl())
    for part in ("(480).jpg", "(800).jpg", ".webp", "/gallery/", ".csv", ".wav", ".gif", ".480x300.", ".200x200."):
        assert any(part in path for path in pages), part
    assert {"/", "/photos/", "/documents/", "/static/journal/site.css"} <= pages
    assert "/?page=2" in pages


def test_a_missing_picture_is_a_broken_link(site: Site) -> None:
    name = next(name for name in site.manifest.used if name.startswith("gallery/"))
    (site.media / name).unlink()
    with pytest.raises(BrokenLinksError, match=name):
        site.crawl()


def test_an_unknown_page_is_not_found(visitor: Visitor) -> None:
    assert visitor.get("/articles/nothing/").status == 404


def test_a_draft_is_for_editors_only(populated: Site, visitor: Visitor) -> None:
    draft = article_by_status(populated, "status='draft'")
    assert Visitor(visitor.root).get(draft).status == 404
    assert "черновик" in visitor.get(draft).text


def test_a_deleted_article_is_on_no_page(populated: Site, visitor: Visitor) -> None:
    deleted = article_by_status(populated, "deleted_at__isnull=False")
    assert visitor.get(deleted).status == 404


def test_who_signs_in_may_write_and_who_does_not_may_not(site: Site) -> None:
    with site.serve() as visitor:
        assert visitor.get("/write/").url.endswith("/login/?next=/write/")
        assert "/write/" not in visitor.sign_in(password="wrong").text
        assert "/write/" in visitor.sign_in().text
        assert visitor.get("/write/").status == 200
        assert visitor.get("/admin/journal/article/").status == 200
        visitor.post("/logout/", {})
        assert "/write/" not in visitor.get("/").text


def test_a_picture_uploaded_into_a_text_is_shown_by_its_page(site: Site) -> None:
    article = article_by_status(site, "status='published'")
    with site.serve() as visitor:
        visitor.sign_in()
        location = json.loads(visitor.post("/upload/", {}, ("мой двор.png", picture())).text)["location"]
        text = {"title": "Т", "slug": "new", "author": "1", "status": "published", "body": f'<img src="{location}">'}
        assert visitor.post(f"{article}edit/", text).url.endswith("/articles/new/")
        assert location in visitor.get("/articles/new/").text
        assert visitor.get(location).kind == "image/png"


def test_a_cover_gets_its_thumbnails_on_saving(site: Site) -> None:
    query = (
        "from journal.models import Article; from django.core.files.base import ContentFile; "
        "article = Article.objects.first(); "
        "article.cover.save('fresh.jpg', ContentFile(article.cover.read()))"
    )
    site.manage("shell", "--no-imports", "-c", query)
    names = sorted(file.name for file in site.media.rglob("fresh*"))
    assert names == ["fresh.200x200.jpg", "fresh.480x300.jpg", "fresh.jpg"]


def test_what_is_not_a_picture_is_refused(site: Site) -> None:
    with site.serve() as visitor:
        visitor.sign_in()
        assert visitor.post("/upload/", {}, ("page.html", b"<script>")).status == 400
    assert not list(site.media.rglob("page*"))


def test_the_site_writes_its_own_log(site: Site) -> None:
    line, log = '"GET /documents/ HTTP/1.1" 200', site.logs / "app.log"
    with site.serve() as visitor:
        visitor.get("/documents/")
        patience = time.monotonic() + 10
        while not (found := line in log.read_text(encoding="utf-8")) and time.monotonic() < patience:
            time.sleep(0.05)  # a line is written after its answer
    assert found


def test_a_checkup_of_the_site_finds_nothing(populated: Site) -> None:
    assert "no issues" in populated.manage("check")
    assert "No changes" in populated.manage("makemigrations", "--check", "--dry-run")
