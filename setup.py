"""Builds the two parts that are not Python; everything else stands in pyproject.toml."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup

# Only faster: where there is no compiler, or no Linux, the Python of the same shape does the work.
INNER = [
    Extension(
        f"dvornik.{package}._inner",
        sorted(map(str, Path("src/dvornik", package).glob("*.c"))),
        depends=sorted(map(str, Path("src/dvornik", package).glob("*.h"))),
        extra_compile_args=["-std=c11", "-O3", "-fvisibility=hidden"],
        py_limited_api=True,
        optional=True,
    )
    for package in ("references", "storages")
]

setup(
    ext_modules=INNER if sys.platform == "linux" else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
