"""Made-up sites of the layouts that applications have: what each upload makes, and what rows hold of it."""

from __future__ import annotations

import hashlib
import string
import uuid
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

WORDS = [
    "summer", "winter", "holiday", "report", "invoice", "portrait", "garden", "bridge", "river", "letter",
    "contract", "minutes", "budget", "harbour", "meadow", "kitchen", "window", "ticket", "lecture", "station",
    "bakery", "museum", "village", "forest", "mirror", "engine", "cover", "banner", "header", "logo",
]  # fmt: skip
_TAIL = 0.1
"""How often a name was taken and got a random tail."""


class Made(NamedTuple):
    """What one upload makes: its files, and the values that a row holds of them."""

    files: list[str]
    values: list[str]


def title(draw: random.Random) -> str:
    """Return a name as people give."""
    words = draw.sample(WORDS, draw.randint(1, 3))
    form = draw.choice(["_", "-"]).join([*words, str(draw.randint(1, 9999))])
    return form + (
        "_" + "".join(draw.choices(string.ascii_letters + string.digits, k=7)) if draw.random() < _TAIL else ""
    )


def digits(draw: random.Random, length: int) -> str:
    """Return hexadecimal digits."""
    return "".join(draw.choices("0123456789abcdef", k=length))


def key(draw: random.Random, length: int = 28) -> str:
    """Return small letters and digits."""
    return "".join(draw.choices(string.ascii_lowercase + string.digits, k=length))


def django(draw: random.Random, number: int) -> Made:
    """``upload_to="photos/%Y/%m/%d"``."""
    path = f"photos/{draw.randint(2019, 2025)}/{draw.randint(1, 12):02}/{draw.randint(1, 28):02}/{title(draw)}.jpg"
    return Made([path], [path])


def laravel(draw: random.Random, number: int) -> Made:
    """``store("avatars", "public")``: forty letters and digits."""
    name = "".join(draw.choices(string.ascii_letters + string.digits, k=40))
    path = f"{draw.choice(['avatars', 'documents'])}/{name}.png"
    return Made([path], [path])


def active_storage(draw: random.Random, number: int) -> Made:
    """Rails: the key, below two parts of it."""
    own = key(draw)
    return Made([f"{own[:2]}/{own[2:4]}/{own}"], [own])


def shrine(draw: random.Random, number: int) -> Made:
    """Rails: JSON that holds where it lies."""
    own = f"photo/{number}/image/{digits(draw, 32)}.jpg"
    return Made([f"store/{own}"], [f'{{"id":"{own}","storage":"store","metadata":{{"size":5}}}}'])


def wordpress(draw: random.Random, number: int) -> Made:
    """The file and its renditions, which PHP's serialised form names."""
    place, name = f"{draw.randint(2019, 2025)}/{draw.randint(1, 12):02}", title(draw)
    sizes = [f"{name}-{size}.jpg" for size in ("150x150", "300x200")]
    meta = 'a:1:{s:5:"sizes";a:2:{' + "".join(f's:4:"file";s:{len(one)}:"{one}";' for one in sizes) + "}}"
    return Made([f"{place}/{one}" for one in (f"{name}.jpg", *sizes)], [f"{place}/{name}.jpg", meta])


def mastodon(draw: random.Random, number: int) -> Made:
    """Paperclip: the row's number in threes, a directory a style; the row holds the mere name."""
    place, name = (
        f"media_attachments/files/{number // 10**6:03}/{number // 1000 % 1000:03}/{number % 1000:03}",
        digits(draw, 16),
    )
    return Made([f"{place}/original/{name}.png", f"{place}/small/{name}.png"], [f"{name}.png"])


def nextcloud(draw: random.Random, number: int) -> Made:
    """The catalogue holds the path below the user's own directory; the first users came before the others."""
    user = draw.choice(["ann", "bob", "carla", "dmitri"][: 1 + number // 20])
    path = f"files/{draw.choice(['Photos', 'Documents'][: 1 + number // 20])}/{title(draw)}.jpg"
    return Made([f"{user}/{path}"], [path])


def immich(draw: random.Random, number: int) -> Made:
    """The whole path on another machine."""
    year = draw.randint(2019, 2025)
    path = f"library/admin/{year}/{year}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02}/IMG_{number:04}.jpg"
    return Made([path], [f"/usr/src/app/upload/{path}"])


def directus(draw: random.Random, number: int) -> Made:
    """UUIDs, side by side."""
    own = str(uuid.UUID(int=draw.getrandbits(128), version=4))
    return Made([f"{own}.jpg"], [f"{own}.jpg"])


def flat(draw: random.Random, number: int) -> Made:
    """All in one directory, which texts name."""
    name = f"{title(draw)}.jpg"
    return Made([name], [f'<p>Look: <img src="/media/{name}" alt="it"> and so on.</p>'])


def albums(draw: random.Random, number: int) -> Made:
    """A directory an album."""
    path = f"albums/{draw.choice(WORDS[:12])}/{title(draw)}-{number}.jpg"
    return Made([path], [path])


def users(draw: random.Random, number: int) -> Made:
    """A directory a user."""
    path = f"users/{draw.choice(WORDS)}{draw.randint(1, 30)}/{title(draw)}-{number}.jpg"
    return Made([path], [path])


ORDINARY: tuple[Callable[[random.Random, int], Made], ...] = (
    django, laravel, active_storage, shrine, wordpress, mastodon, nextcloud, immich, directus, flat, albums, users,
)  # fmt: skip


def sha1(text: str) -> str:
    """Return the digest of a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def trac(draw: random.Random, number: int) -> Made:
    """Digests of the ticket and of the attachment's name."""
    name, ticket = f"{title(draw)}.txt", sha1(str(number))
    return Made([f"files/attachments/ticket/{ticket[:3]}/{ticket}/{sha1(name)}.txt"], [name])


def roundup(draw: random.Random, number: int) -> Made:
    """A word and the row's number, in thousands."""
    kind = draw.choice(["msg", "file"])
    return Made([f"files/{kind}/{number // 1000}/{kind}{number}"], [title(draw)])


def ckan(draw: random.Random, number: int) -> Made:
    """Random names of no row's."""
    own = str(uuid.UUID(int=draw.getrandbits(128), version=4))
    return Made([f"resources/{own[:3]}/{own[3:6]}/{own[6:]}"], [title(draw)])


def smf(draw: random.Random, number: int) -> Made:
    """A number and a digest of no row's."""
    return Made([f"attachments/{number}_{digits(draw, 40)}.dat"], [f"{title(draw)}.png"])


def xenforo(draw: random.Random, number: int) -> Made:
    """A number and a digest in thousands."""
    return Made([f"attachments/{number // 1000}/{number}-{digits(draw, 32)}.data"], [f"{title(draw)}.png"])


def phpbb(draw: random.Random, number: int) -> Made:
    """The site's salt and the user's number; the row holds the number and a time."""
    return Made([f"images/avatars/0123456789abcdef0123456789abcdef_{number}.jpg"], [f"{number}_1700000000.jpg"])


def gravatar(draw: random.Random, number: int) -> Made:
    """A digest of the e-mail's address."""
    mail = f"{draw.choice(WORDS)}{number}@example.org"
    return Made([f"avatars/{hashlib.md5(mail.encode(), usedforsecurity=False).hexdigest()}.png"], [f"Mr {mail} him"])


def playlist(draw: random.Random, number: int) -> Made:
    """Segments that only a playlist names."""
    place = f"video/{digits(draw, 8)}"
    return Made([f"{place}/master.m3u8", *(f"{place}/720/seg_{n:05}.ts" for n in range(3))], [f"{place}/master.m3u8"])


def tiles(draw: random.Random, number: int) -> Made:
    """A picture that is cut into tiles."""
    name = f"{title(draw)}"
    return Made([f"zoom/{name}.dzi", *(f"zoom/{name}_files/9/{x}_{x}.png" for x in range(3))], [f"zoom/{name}.dzi"])


def cards(draw: random.Random, number: int) -> Made:
    """Renditions of the application's own words, in a column of nobody's."""
    name = f"{title(draw)}-{number}"
    return Made([f"shop/{name}.jpg", f"shop/{name}_o.jpg", f"shop/card_{name}.jpg"], [f"shop/{name}.jpg"])


UNNAMED: tuple[Callable[[random.Random, int], Made], ...] = (
    trac, roundup, ckan, smf, xenforo, phpbb, gravatar, playlist, tiles, cards,
)  # fmt: skip
"""Files that no row names, though the application needs them."""
