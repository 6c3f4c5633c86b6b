"""Pictures, films, recordings and sheets, each different and each the same for the same draw."""

import math
import time
import wave
from io import BytesIO
from pathlib import PurePosixPath
from random import Random

from PIL import Image, ImageDraw, ImageOps

WIDTH, HEIGHT = 800, 500
_SMOOTHING = 2
"""Everything is drawn this many times larger and then reduced."""
_SKIES = [("#f7d9a8", "#8fc3d9"), ("#fbe7d3", "#e58e73"), ("#eaf3f0", "#7fb2c9"), ("#33486b", "#16213a")]
_GROUNDS = ["#7fa65a", "#a9b665", "#d8c184", "#e9edf0", "#5d7f52"]
_WALLS = ["#c8694a", "#d9a066", "#8d7b6a", "#b9c4c9", "#9a5a4e", "#e0d3bd", "#6f8796"]
_LEAVES = ["#3f7d4f", "#6a9a3b", "#d08a2e", "#b5462f", "#8aa8a0"]
_FORMATS = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP", ".gif": "GIF", ".pdf": "PDF"}


def scene(rng: Random, name: str) -> bytes:
    """Return a view of a yard in the format that the name's extension tells."""
    return _encode(_yard(rng), name)


def portrait(rng: Random, name: str) -> bytes:
    """Return a face."""
    image, draw = _canvas(rng, 240 * _SMOOTHING, 240 * _SMOOTHING)
    skin, hair = rng.choice(["#f0c8a0", "#e3b086", "#c98f63"]), rng.choice(["#3a2a20", "#8a4b25", "#b9a48a", "#54504c"])
    draw.ellipse((60, 330, 420, 720), fill=rng.choice(_WALLS))
    draw.ellipse((120, 80, 360, 330), fill=hair)
    draw.ellipse((145, 120, 335, 370), fill=skin)
    for x in (200, 280):
        draw.ellipse((x - 11, 225, x + 11, 247), fill="#2a2320")
    draw.arc((195, 250, 285, 320), 20, 160, fill="#7a3b2e", width=7)
    return _encode(image.reduce(_SMOOTHING), name)


def emblem(rng: Random, name: str) -> bytes:
    """Return a square sign with a house under a tree."""
    image = Image.new("RGB", (384, 384), "#2f6b4a")
    draw = ImageDraw.Draw(image)
    draw.ellipse((150, 50, 350, 250), fill="#a9c46c")
    draw.rectangle((240, 200, 258, 330), fill="#5b4632")
    draw.polygon([(50, 200), (140, 110), (230, 200)], fill=rng.choice(["#e9a23b", "#c8694a"]))
    draw.rectangle((70, 200, 210, 330), fill="#faf8f4")
    draw.rectangle((120, 250, 160, 330), fill="#2f6b4a")
    return _encode(image.reduce(2), name)


def film(rng: Random, name: str) -> bytes:
    """Return a short loop: the sun crosses a yard."""
    yard = _yard(rng).resize((320, 200))
    frames = []
    for step in range(5):
        frame = yard.copy()
        ImageDraw.Draw(frame).ellipse((20 + 55 * step, 22, 50 + 55 * step, 52), fill="#ffe9a8")
        frames.append(frame.quantize(32))
    out = BytesIO()
    frames[0].save(
        out, _FORMATS[PurePosixPath(name).suffix], save_all=True, append_images=frames[1:], duration=220, loop=0
    )
    return out.getvalue()


def recording(rng: Random) -> bytes:
    """Return a second and a half of birds as WAV."""
    rate, pitch = 8000, rng.uniform(1400, 2600)
    samples = bytearray()
    for i in range(rate * 3 // 2):
        t = i / rate
        loudness = max(0.0, math.sin(t * 9)) ** 2
        samples.append(int(128 + 90 * loudness * math.sin(2 * math.pi * t * (pitch + 400 * math.sin(t * 38)))))
    out = BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 1, rate, 0, "NONE", ""))
        sound.writeframes(samples)
    return out.getvalue()


def sheet(rng: Random) -> bytes:
    """Return a page with a plan of the yard as PDF."""
    page = Image.new("RGB", (620, 877), "#ffffff")
    page.paste(_yard(rng).resize((520, 325)), (50, 60))
    draw = ImageDraw.Draw(page)
    for line in range(18):
        draw.rectangle((50, 430 + line * 22, 50 + rng.randint(300, 520), 436 + line * 22), fill="#b8b2a6")
    out = BytesIO()
    # The date would be the present moment.
    long_ago = time.gmtime(0)
    page.save(out, "PDF", creationDate=long_ago, modDate=long_ago)
    return out.getvalue()


def _encode(image: Image.Image, name: str) -> bytes:
    out = BytesIO()
    image.save(out, _FORMATS[PurePosixPath(name).suffix], quality=82)
    return out.getvalue()


def _canvas(rng: Random, width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    low, high = rng.choice(_SKIES)
    # One column is enough: all others are alike, and a picture is made in half the time.
    column = Image.linear_gradient("L").crop((0, 0, 1, 256)).resize((1, height))
    image = ImageOps.colorize(column, black=high, white=low).resize((width, height), Image.Resampling.NEAREST)
    return image, ImageDraw.Draw(image)


def _yard(rng: Random) -> Image.Image:
    width, height = WIDTH * _SMOOTHING, HEIGHT * _SMOOTHING
    image, draw = _canvas(rng, width, height)
    x, y, r = rng.randint(150, width - 150), rng.randint(100, 300), rng.randint(50, 90)
    draw.ellipse((x - r, y - r, x + r, y + r), fill="#ffeec2")
    ground = int(height * rng.uniform(0.68, 0.8))
    _houses(rng, draw, width, ground)
    draw.rectangle((0, ground, width, height), fill=rng.choice(_GROUNDS))
    draw.polygon(
        [(width * 0.4, ground), (width * 0.5, ground), (width * 0.75, height), (width * 0.2, height)], fill="#cbbfa8"
    )
    for _ in range(rng.randint(2, 5)):
        _tree(rng, draw, rng.randint(60, width - 60), rng.randint(ground + 20, height - 60))
    return image.reduce(_SMOOTHING)


def _houses(rng: Random, draw: ImageDraw.ImageDraw, width: int, ground: int) -> None:
    left = -rng.randint(0, 120)
    while left < width:
        right, top = left + rng.randint(220, 420), ground - rng.randint(220, 520)
        wall = rng.choice(_WALLS)
        draw.rectangle((left, top, right, ground), fill=wall)
        draw.rectangle((left - 8, top - 14, right + 8, top), fill="#4a4038")
        for window_top in range(top + 35, ground - 60, 90):
            for window_left in range(left + 30, right - 50, 75):
                lit = rng.random() < 0.4  # noqa: PLR2004 - four windows in ten
                draw.rectangle(
                    (window_left, window_top, window_left + 40, window_top + 52), fill="#ffe6a1" if lit else "#46586a"
                )
        left = right + rng.randint(0, 90)


def _tree(rng: Random, draw: ImageDraw.ImageDraw, x: int, foot: int) -> None:
    tall, leaves = rng.randint(200, 330), rng.choice(_LEAVES)
    draw.rectangle((x - 12, foot - tall, x + 12, foot), fill="#5b4632")
    for _ in range(7):
        cx, cy, r = x + rng.randint(-80, 80), foot - tall + rng.randint(-70, 60), rng.randint(55, 95)
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=leaves)
