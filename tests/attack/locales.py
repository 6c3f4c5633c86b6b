"""Locales whose charset is not UTF-8, made into a directory of the tests' own."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.servers import debian

if TYPE_CHECKING:
    from pathlib import Path

MADE = {"ru_RU.KOI8-R": "ru_RU", "ru_RU.CP1251": "ru_RU", "en_US.ISO-8859-1": "en_US", "ja_JP.EUC-JP": "ja_JP"}
"""The locales by name, and the source of each."""
PLAIN = ("C", "POSIX", "nothing.such")


@pytest.fixture(scope="session")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory for ``LOCPATH`` in which all of ``MADE`` lie."""
    made = tmp_path_factory.mktemp("locales")
    env = dict(os.environ)
    if not os.path.isfile("/usr/share/i18n/locales/ru_RU") or os.environ.get("DVORNIK_TEST_UNPACK"):
        env["I18NPATH"] = str(debian.unpacked("locales") / "usr/share/i18n")
    tool = debian.program("localedef", "libc-bin")
    for name, source in MADE.items():
        command = [tool.path, "-i", source, "-f", name.partition(".")[2], str(made / name)]
        subprocess.run(command, env=env, check=True, capture_output=True)
    return made
