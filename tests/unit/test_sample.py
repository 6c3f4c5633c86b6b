"""The commented file that `dvornik init` writes, in both languages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from dvornik import languages
from dvornik.application import App
from dvornik.config import Config
from dvornik.config.sample import sample


def test_a_sample_says_the_same_in_both_languages_and_sets_the_same() -> None:
    before, base = languages.current(), Path("/srv/app")
    texts = []
    for each in ("en", "ru"):
        languages.use(each)
        texts.append(sample(App("/srv/app", "declared"), Config(), base, full=True))
    languages.use(before)
    english, russian = texts
    assert tomllib.loads(english) == tomllib.loads(russian)
    assert re.search(r"^# [A-Z][a-z]+ [a-z]+ [a-z]+ ", english, re.MULTILINE)
    assert not re.search(r"^# [A-Z][a-z]+ [a-z]+ [a-z]+ ", russian, re.MULTILINE)
