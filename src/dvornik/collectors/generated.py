"""Tells by its shape whether a program made a name up, as for a directory that nobody but its own job is to use.

No list of programs: whoever makes a directory where others do, too, needs a name that nobody else has, and gets it from
random letters (``tmpab12cd34``, ``_MEIab12Cd``), hexadecimal digits, a UUID, a number of its own (a process, a job), or
the time to the second. A word, a year, a day and a short number (``uploads``, ``2026-01-31``, ``cache2``) is a name
that many share. A word may be taken for random letters: its directory is then kept for longer than it need be.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(r"[^\W_]+")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_AFTER_TMP: Final = re.compile(r"\.?te?mp[-_.]?\w{6,16}", re.IGNORECASE)
"""What mkdtemp of Python and mktemp(1) make: the tail is random even where it looks like a word."""
_DAY: Final = re.compile(r"(?:19|20)\d\d(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?")
_TURNS: Final = re.compile(r"(?<=[0-9])(?=[^\W\d_])|(?<=[^\W\d_])(?=[0-9])")
"""Where a token changes between letters and digits."""
_HEX: Final = re.compile(r"(?=.*\d)[0-9a-f]{6,}|[0-9a-f]{16,}", re.IGNORECASE)
_WORDS: Final = re.compile(r"[A-Z]?[a-z]*(?:[A-Z]{2,}|[A-Z]+[a-z]{2,})*[A-Z]?s?")
"""Letters in both cases that words make: camelCase, APIs, MyApp."""
_OWN_NUMBER: Final = 3
"""Digits from which a number belongs to one job; two where it stands after a word, five where it is glued to that."""
_LETTERS: Final = 6
"""Letters from which random ones can be told from an abbreviation; three where they mix cases as no word does."""
_MIXED: Final = 5
_FOLLOWERS: Final = {
    pair[0]: pair[1:]
    for pair in re.findall(
        r"\w+",
        "alitnrcgsdmbpkufyevahwzxjo baloeiruscbytdpgmfjhxn cohaetklriuscmpydfnq deiaosrbudlfcmgyvpktnwhj "
        "ernsdtclamxepvbfgoiwyukqhjz fiolaerfutyscd geroiahnulsgmpcydt haeoiturymsldcb inotcslbmdeargvpfzxkuqi "
        "jsaeoui keiasoultrydbpmgnfh lieaolystupdgcmbfkvrh maeiopsbumlcdytnrfqkw ntgeasdicofnkuvlpybmrjhzxwq "
        "onrmlstupdcogwvbakifxejyhz pearolihtpysucdgmnbkfv qul reaiostdcmyukrpnglvbfwhq steishcopauymlkdwqnfrbgv "
        "tieaorshtyuclpmfdwbngkvj unstrlmiaebdpcgxfkvzoy veiaomu waeiosnrhlk xtpieacmol ypsntamecloibdurgwfkh zeaiozlu",
    )
}
"""Which letters follow each in words of programs and languages in Latin letters; other pairs are odd."""


def is_of_mkdtemp(name: str) -> bool:
    """Tell whether a name is as mkdtemp of Python or mktemp(1) makes it."""
    return _AFTER_TMP.fullmatch(name) is not None


@lru_cache(4096)
def is_generated(name: str) -> bool:
    """Tell whether a name is one that nobody else would choose."""
    if _UUID.search(name) or is_of_mkdtemp(name):
        return True
    tokens = _TOKEN.findall(name)
    has_more, has_year = len(tokens) > 1, any(map(_DAY.fullmatch, tokens))
    return any(
        _is_own_number(token, has_more=has_more, has_year=has_year)
        if token.isdecimal()
        else _is_own(token, has_more=has_more)
        for token in tokens
    )


def _is_own_number(digits: str, *, has_more: bool, has_year: bool) -> bool:
    """Tell a number of one job from a year, a day of it, and the number of a shard or a worker (``007``)."""
    if _DAY.fullmatch(digits) or (digits[0] == "0" and len(digits) < 2 * _OWN_NUMBER):
        return False
    return len(digits) >= (_OWN_NUMBER - 1 if has_more and not has_year else _OWN_NUMBER)


def _is_own(token: str, *, has_more: bool) -> bool:
    turns = len(_TURNS.findall(token))
    if _HEX.fullmatch(token) or (turns > 1 and len(token) >= _MIXED):
        return True
    if turns and len(token) >= _MIXED:
        number = re.sub(r"\D+", "", token)
        is_padded = number[:1] == "0" or _DAY.fullmatch(number)
        if token[0].isdecimal() or (len(number) >= _MIXED and not is_padded):
            return True
    parts = [part for part in re.split(r"\d+", token) if part.isascii()]
    return any(_is_random(part, least=1 if has_more or turns else 2) for part in parts)


def _is_random(letters: str, *, least: int) -> bool:
    """Tell whether letters spell nothing: their cases mix as in no word, or too many pairs of them are odd."""
    if not _WORDS.fullmatch(letters):
        return True
    low = letters.lower()
    if len(low) < _LETTERS:
        return False
    tail = low.removeprefix("tmp")
    return sum(after not in _FOLLOWERS[before] for before, after in pairwise(tail)) >= least
