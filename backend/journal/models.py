"""What the journal keeps, and in which shapes its rows name files."""

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone

from journal.thumbnails import CARD, SQUARE, make_thumbnails, thumbnail_name

COVER_SIZES = (CARD, SQUARE)
PHOTO_SIZES = (CARD,)


class Author(models.Model):
    """Someone who writes."""

    name = models.CharField("имя", max_length=100, unique=True)
    about = models.CharField("о себе", max_length=200, blank=True)
    avatar = models.ImageField("портрет", upload_to="authors/", blank=True)

    class Meta:
        verbose_name = "автор"
        verbose_name_plural = "авторы"

    def __str__(self) -> str:
        """Return the name."""
        return self.name


class ArticleQuerySet(models.QuerySet["Article"]):
    """Articles by who may see them."""

    def visible(self) -> "ArticleQuerySet":
        """Return what every reader sees: published and not deleted."""
        return self.filter(status=Article.Status.PUBLISHED, deleted_at=None, created__lte=timezone.now())


class Article(models.Model):
    """An article; a deleted one stays in the table and can be brought back."""

    class Status(models.TextChoices):
        """Whether readers see it."""

        DRAFT = "draft", "черновик"
        PUBLISHED = "published", "опубликована"

    author = models.ForeignKey(Author, models.PROTECT, verbose_name="автор", related_name="articles")
    title = models.CharField("заголовок", max_length=200)
    slug = models.SlugField("адрес", max_length=120, unique=True)
    summary = models.CharField("кратко", max_length=300, blank=True)
    body = models.TextField("текст", blank=True, help_text="HTML; картинки загружаются прямо в текст.")
    cover = models.ImageField("обложка", upload_to="covers/%Y/%m/", blank=True)
    extra = models.JSONField("дополнительно", default=dict, blank=True, help_text="Галерея, видео, запись.")
    status = models.CharField("состояние", max_length=10, choices=Status.choices, default=Status.DRAFT)
    created = models.DateTimeField("создана", default=timezone.now, db_index=True)
    deleted_at = models.DateTimeField("удалена", null=True, blank=True)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = "статья"
        verbose_name_plural = "статьи"
        ordering = ["-created", "pk"]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own signature
        """Save, and make the cover's thumbnails."""
        super().save(*args, **kwargs)
        if self.cover:
            make_thumbnails(self.cover.storage, self.cover.name, COVER_SIZES)

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("article", args=[self.slug])

    @property
    def card_url(self) -> str:
        """Address of the cover's picture on a card."""
        return str(self.cover.storage.url(thumbnail_name(self.cover.name, CARD)))

    @property
    def square_url(self) -> str:
        """Address of the cover's small square."""
        return str(self.cover.storage.url(thumbnail_name(self.cover.name, SQUARE)))


class Comment(models.Model):
    """What a reader said: plain text, in which addresses become links."""

    article = models.ForeignKey(Article, models.CASCADE, verbose_name="статья", related_name="comments")
    name = models.CharField("имя", max_length=100)
    text = models.TextField("текст")
    created = models.DateTimeField("написан", default=timezone.now)

    class Meta:
        verbose_name = "отзыв"
        verbose_name_plural = "отзывы"
        ordering = ["created", "pk"]

    def __str__(self) -> str:
        """Return who spoke, and how it begins."""
        return f"{self.name}: {self.text[:40]}"


class Document(models.Model):
    """A file to take away."""

    title = models.CharField("название", max_length=200)
    file = models.FileField("файл", upload_to="documents/%Y/")
    created = models.DateTimeField("добавлен", default=timezone.now)

    class Meta:
        verbose_name = "документ"
        verbose_name_plural = "документы"
        ordering = ["-created", "pk"]

    def __str__(self) -> str:
        """Return the title."""
        return self.title

    @property
    def kind(self) -> str:
        """The name's extension, without the dot."""
        return str(self.file.name).rpartition(".")[2]


class Photo(models.Model):
    """A photograph of the gallery."""

    title = models.CharField("подпись", max_length=200)
    image = models.ImageField("снимок", upload_to="photos/%Y/%m/")
    created = models.DateTimeField("снят", default=timezone.now)

    class Meta:
        verbose_name = "снимок"
        verbose_name_plural = "снимки"
        ordering = ["-created", "pk"]

    def __str__(self) -> str:
        """Return the caption."""
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Django's own signature
        """Save, and make the thumbnail."""
        super().save(*args, **kwargs)
        make_thumbnails(self.image.storage, self.image.name, PHOTO_SIZES)

    @property
    def card_url(self) -> str:
        """Address of the picture in the gallery."""
        return str(self.image.storage.url(thumbnail_name(self.image.name, CARD)))


class SiteSetting(models.Model):
    """A line of the site's own settings; the value may be the path of a file below the media."""

    key = models.SlugField("ключ", primary_key=True)
    value = models.TextField("значение", blank=True)

    class Meta:
        verbose_name = "настройка"
        verbose_name_plural = "настройки"

    def __str__(self) -> str:
        """Return key and value."""
        return f"{self.key} = {self.value}"
