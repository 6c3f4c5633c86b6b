"""Builds the one part that is not Python; everything else stands in pyproject.toml."""

from __future__ import annotations

import sys

from setuptools import Extension, setup

# Only faster: where there is no compiler, or no Linux, the Python of the same shape does the work.
INNER = Extension(
    "dvornik.storages._inner",
    ["src/dvornik/storages/_inner.c"],
    extra_compile_args=["-std=c11", "-O2"],
    py_limited_api=True,
    optional=True,
)

setup(
    ext_modules=[INNER] if sys.platform == "linux" else [],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
