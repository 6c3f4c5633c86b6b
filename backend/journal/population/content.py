"""What is in use: authors, articles, photographs, documents, settings, and every file that they name."""

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.db.models import Model

from journal.models import COVER_SIZES, PHOTO_SIZES, Article, Author, Comment, Document, Photo, SiteSetting
from journal.population import pictures, rich_text, words
from journal.population.chance import Chance, token
from journal.population.shelf import Shelf

ARTICLES = 20
"""For each unit of scale, as is every other number."""
PHOTOS = 4
_BETWEEN_ARTICLES = timedelta(hours=31)


class Content:
    """Writes the rows that are missing, and their files."""

    def __init__(self, shelf: Shelf, chance: Chance, now: datetime) -> None:
        """Put files on ``shelf``; the newest article is a few hours older than ``now``.

        What is drawn in a file is drawn for its name: a name must not depend on whether an earlier file was there.
        """
        self._shelf = shelf
        self._chance = chance
        self._now = now

    def fill(self, scale: int) -> int:
        """Make everything; return how many articles there are in this population."""
        self._settings()
        authors = self._authors()
        articles = [self._article(number, authors) for number in range(ARTICLES * scale)]
        new = _create_missing(Article, "slug", articles)
        comments = [self._comment(number, article) for number, article in enumerate(articles)]
        Comment.objects.bulk_create(comment for comment in comments if comment.article.slug in new)
        _create_missing(Document, "file", [self._document(i) for i in range(len(words.DOCUMENTS) * scale)])
        _create_missing(Photo, "image", [self._photo(i) for i in range(PHOTOS * scale)])
        return len(articles)

    def _settings(self) -> None:
        rng = self._chance.of("settings")
        long_ago = self._now - timedelta(days=900)
        logo = self._scene(f"site/эмблема двора {token(rng)}.png", long_ago, pictures.emblem)
        banner = self._scene(f"site/двор весной {token(rng)}.jpg", long_ago)
        shown = {"image": rich_text.MEDIA + banner, "text": "Липы, лавочки, люди и один кот."}
        values = {
            "title": "Двор",
            "motto": "журнал о том, что под окнами",
            "logo": logo,
            "banner": json.dumps(shown).replace("/", r"\/"),
        }
        for key, value in values.items():
            SiteSetting.objects.update_or_create(key=key, defaults={"value": value})

    def _authors(self) -> list[Author]:
        for number, (name, about) in enumerate(words.AUTHORS):
            rng = self._chance.of("author", number)
            avatar = f"authors/{token(rng)}.jpg"
            self._scene(avatar, self._now - timedelta(days=800), pictures.portrait)
            Author.objects.update_or_create(name=name, defaults={"about": about, "avatar": avatar})
        return list(Author.objects.filter(name__in=[name for name, _ in words.AUTHORS]).order_by("pk"))

    def _article(self, number: int, authors: list[Author]) -> Article:
        rng = self._chance.of("article", number)
        cycle, place = divmod(number, ARTICLES)
        slug, title = words.TOPICS[place]
        created = self._now - timedelta(hours=5) - _BETWEEN_ARTICLES * number
        return Article(
            author=authors[number % len(authors)],
            title=title if cycle == 0 else f"{title}. Часть {cycle + 1}",
            slug=f"{slug}-{token(rng)}",
            summary=words.summary(rng),
            body=rich_text.body([words.paragraph(rng) for _ in range(4)], self._insertion(place, rng, created)),
            cover=self._cover(rng, created) if place % 4 != 3 else "",  # noqa: PLR2004 - every fourth has none
            extra=self._extra(place, rng, created),
            status=Article.Status.DRAFT if place in {14, 16} else Article.Status.PUBLISHED,
            created=created,
            deleted_at=created + timedelta(days=3) if place == 18 else None,  # noqa: PLR2004 - one in twenty
        )

    def _cover(self, rng: Random, when: datetime) -> str:
        name = f"covers/{when:%Y/%m}/{token(rng)}.jpg"
        return self._shelf.put_picture(name, partial(pictures.scene, self._chance.of(name), name), when, COVER_SIZES)

    def _insertion(self, place: int, rng: Random, when: datetime) -> str:
        if place % 2:
            return ""
        mark, folder = token(rng), f"uploads/{when:%Y/%m}"
        scene = partial(self._scene, when=when)
        match place // 2 % 5:
            case 0:
                return rich_text.picture(scene(f"{folder}/dvor-{mark}.jpg"), "Двор в этот день")
            case 1:
                names = f"{folder}/Фото двора {mark} (480).jpg", f"{folder}/Фото двора {mark} (800).jpg"
                return rich_text.choice_of_pictures(scene(names[0]), scene(names[1]))
            case 2:
                return rich_text.pasted_picture(scene(f"{folder}/двор & сад {mark}.jpg"))
            case 3:
                name = f"{folder}/отчёт, весна {mark}.pdf"
                self._shelf.put(name, partial(pictures.sheet, self._chance.of(name)), when)
                return rich_text.link(name, "отчёт с планом двора")
            case _:
                names = f"{folder}/utro-{mark}.webp", f"{folder}/utro-{mark}.png"
                return rich_text.choice_of_formats(scene(names[0]), scene(names[1]))

    def _extra(self, place: int, rng: Random, when: datetime) -> dict[str, object]:
        mark = token(rng)
        extra: dict[str, object] = {"allow_comments": True}
        if place in {2, 10, 18}:
            names = [f"gallery/{mark}/вид {number}.jpg" for number in (1, 2)]
            extra["gallery"] = [self._scene(name, when) for name in names]
        if place == 6:  # noqa: PLR2004 - one in twenty
            poster = self._scene(f"posters/{mark}.jpg", when)
            extra["video"] = {"poster": poster, "file": self._scene(f"films/{mark}.gif", when, pictures.film)}
        if place == 10:  # noqa: PLR2004 - one in twenty
            name = f"recordings/{mark}.wav"
            extra["recording"] = self._shelf.put(name, partial(pictures.recording, self._chance.of(name)), when)
        return extra

    def _comment(self, number: int, article: Article) -> Comment:
        rng = self._chance.of("comment", number)
        said = rng.choice(words.COMMENTS)
        when = article.created + timedelta(hours=rng.randint(1, 4))
        if number % ARTICLES == 5:  # noqa: PLR2004 - one in twenty
            name = self._scene(f"uploads/{when:%Y/%m}/ot-chitatelya-{token(rng)}.jpg", when)
            said += f" Вот снимок: https://dvor.example/media/{name}?w=800."
        return Comment(article=article, name=rng.choice(words.READERS), text=said, created=when)

    def _document(self, number: int) -> Document:
        rng = self._chance.of("document", number)
        title, name, suffix = words.DOCUMENTS[number % len(words.DOCUMENTS)]
        when = self._now - timedelta(days=20 * number + 2)
        file = f"documents/{when:%Y}/{name} {token(rng)}.{suffix}"
        drawn = self._chance.of(file)
        make = partial(pictures.sheet, drawn) if suffix == "pdf" else partial(words.text_document, drawn, suffix)
        self._shelf.put(file, make, when)
        return Document(title=f"{title}, {when:%d.%m.%Y}", file=file, created=when)

    def _photo(self, number: int) -> Photo:
        rng = self._chance.of("photo", number)
        when = self._now - timedelta(days=5 * number + 1)
        name = f"photos/{when:%Y/%m}/IMG_{token(rng)}.jpg"
        self._shelf.put_picture(name, partial(pictures.scene, self._chance.of(name), name), when, PHOTO_SIZES)
        return Photo(title=words.TOPICS[number % len(words.TOPICS)][1], image=name, created=when)

    def _scene(
        self,
        name: str,
        when: datetime,
        draw: Callable[[Random, str], bytes] = pictures.scene,
    ) -> str:
        return self._shelf.put(name, partial(draw, self._chance.of(name), name), when)


def _create_missing(model: type[Model], key: str, rows: Iterable[Model]) -> set[str]:
    """Write the rows whose ``key`` is not in the table yet; return the keys written."""
    known = set(model.objects.values_list(key, flat=True))
    missing = [row for row in rows if str(getattr(row, key)) not in known]
    model.objects.bulk_create(missing, batch_size=500)
    return {str(getattr(row, key)) for row in missing}
