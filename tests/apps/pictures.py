"""Files to upload: pictures that differ, and a document."""

from __future__ import annotations

from io import BytesIO
from zlib import crc32

from PIL import Image

PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Count 0/Kids[]>>endobj
trailer<</Root 1 0 R>>
%%EOF
"""
SIZE = (900, 600)


def picture(name: str) -> tuple[str, bytes]:
    """Return the name and the content of a picture in the format that the name says; each name has its own colours."""
    number = crc32(name.encode())
    image = Image.linear_gradient("L").resize(SIZE)
    colours = [image.point(lambda level, shift=shift: (level + (number >> shift)) & 255) for shift in (0, 8, 16)]
    out = BytesIO()
    Image.merge("RGB", colours).save(out, {"jpg": "jpeg"}.get(name.rpartition(".")[2], name.rpartition(".")[2]))
    return name, out.getvalue()
