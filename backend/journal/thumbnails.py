"""Thumbnails: how they are called, and how they are made beside their original."""

from io import BytesIO
from pathlib import PurePosixPath

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from PIL import Image, ImageOps

Size = tuple[int, int]

CARD: Size = (480, 300)
SQUARE: Size = (200, 200)


def thumbnail_name(name: str, size: Size) -> str:
    """Return ``covers/a.200x200.jpg`` for ``covers/a.jpg``."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}.{size[0]}x{size[1]}{path.suffix}"))


def make_thumbnails(storage: Storage, name: str, sizes: tuple[Size, ...]) -> list[str]:
    """Make those that are missing and return the names of all. An original never changes under its name."""
    names = [thumbnail_name(name, size) for size in sizes]
    for thumbnail, size in zip(names, sizes, strict=True):
        if not storage.exists(thumbnail):
            storage.save(thumbnail, ContentFile(_shrink(storage, name, size)))
    return names


def _shrink(storage: Storage, name: str, size: Size) -> bytes:
    with storage.open(name) as original, Image.open(original) as image:
        form = image.format
        image.draft("RGB", size)
        out = BytesIO()
        ImageOps.fit(image, size).save(out, form, quality=82)
    return out.getvalue()
