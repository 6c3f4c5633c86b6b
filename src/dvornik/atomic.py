"""Owns how a small file is replaced: whole or not at all, whoever reads it meanwhile and wherever the power fails."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put ``content`` at ``path`` by a rename within its directory; raise ``OSError``, and leave what was there."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode != 0o600:  # noqa: PLR2004 - mkstemp's own
            Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
