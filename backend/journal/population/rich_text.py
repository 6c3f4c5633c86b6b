"""The body of an article, and the many ways in which it names the pictures that were uploaded into it."""

import html
from collections.abc import Sequence
from urllib.parse import quote

MEDIA = "/media/"


def address(name: str) -> str:
    """Return the address as an editor's page writes it: percent-encoded."""
    return MEDIA + quote(name)


def picture(name: str, caption: str) -> str:
    """Return a plain picture."""
    return f'<figure><img src="{address(name)}" alt=""><figcaption>{caption}</figcaption></figure>'


def choice_of_pictures(small: str, large: str) -> str:
    """Return a picture in two resolutions."""
    candidates = f"{address(small)} 480w, {address(large)} 800w"
    return f'<img src="{address(large)}" srcset="{candidates}" sizes="(max-width: 600px) 480px, 800px" alt="">'


def pasted_picture(name: str) -> str:
    """Return a picture whose address was typed by hand: spaces as they are, the ampersand as an entity."""
    return f'<p><img src="{html.escape(MEDIA + name)}" alt=""></p>'


def link(name: str, title: str) -> str:
    """Return a link to a file."""
    return f'<p>Подробности: <a href="{address(name)}">{title}</a>.</p>'


def choice_of_formats(modern: str, fallback: str) -> str:
    """Return a picture in two formats."""
    source = f'<source srcset="{address(modern)}" type="image/webp">'
    return f'<picture>{source}<img src="{address(fallback)}" alt=""></picture>'


def body(paragraphs: Sequence[str], insertion: str) -> str:
    """Return the paragraphs with ``insertion`` after the first."""
    first, *rest = (f"<p>{text}</p>" for text in paragraphs)
    return "\n".join(filter(None, [first, insertion, *rest]))
