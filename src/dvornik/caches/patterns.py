"""What the name of a key says: whether a server's glob matches it, and whether it is a cache entry at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def compiled(pattern: str) -> re.Pattern[bytes]:
    r"""Return the expression that matches the very keys that the server's ``MATCH pattern`` does.

    That is ``*``, ``?``, ``[a-c]``, ``[^a]``, and ``\`` before any of them; ``ValueError`` for a bracket that is left
    open or holds nothing, which servers read each in their own way.
    """
    rest = pattern.encode("utf-8", "surrogateescape")
    parts: list[bytes] = []
    while rest:
        part, rest = _part(rest)
        parts.append(part)
    return re.compile(b"".join(parts), re.DOTALL)


def _part(rest: bytes) -> tuple[bytes, bytes]:
    first = rest[:1]
    if first == b"*":
        return b".*", rest.lstrip(b"*")
    if first == b"?":
        return b".", rest[1:]
    if first == b"[":
        return _set(rest[1:])
    if first == b"\\" and len(rest) > 1:
        return re.escape(rest[1:2]), rest[2:]
    return re.escape(first), rest[1:]


def _set(rest: bytes) -> tuple[bytes, bytes]:
    """Read what follows an opening bracket."""
    negated = rest.startswith(b"^")
    rest = rest[1:] if negated else rest
    members: list[bytes] = []
    while rest and not rest.startswith(b"]"):
        if rest.startswith(b"\\") and len(rest) > 1:
            member, rest = re.escape(rest[1:2]), rest[2:]
        elif rest[1:2] == b"-" and len(rest) > 2:  # noqa: PLR2004 - a range is three bytes
            low, high = sorted((rest[:1], rest[2:3]))
            member, rest = re.escape(low) + b"-" + re.escape(high), rest[3:]
        else:
            member, rest = re.escape(rest[:1]), rest[1:]
        members.append(member)
    if not rest or not members:
        raise ValueError(b"[")
    return b"[" + (b"^" if negated else b"") + b"".join(members) + b"]", rest[1:]


_KINDS = {
    # In this order: a lock on a session is a lock.
    # Celery and kombu, RQ, arq, dramatiq, Huey, Bull, Sidekiq, Resque, taskiq, Channels.
    "queue": rb"celery[a-z]*|kombu|unacked|a?rq|dramatiq|huey|bull|sidekiq|resque|taskiq|asgi|(?:red)?beat"
    rb"|queues?|broker|jobs?|streams?",
    # redis-py, Redlock, celery-once (qo_); a "block" or a "clock" is something else.
    "lock": rb"[a-z]*(?<![bc])lock(?:s|ed)?|mutex|semaphores?|leader|lease|qo",
    # Django's cache sessions, Flask-Session, express (sess:), Spring, PHP, Laravel: all say so.
    "session": rb"sess(?:ion)?s?(?:id|data|store)?",
    # Revoked tokens, codes that are good once, lockouts and limits: simplejwt, axes, defender, DRF (throttle_),
    # django-ratelimit (rl:), allauth, Flask-Limiter, rack-attack, Laravel. Without them, what was barred is let in.
    "guard": rb"[a-z]*(?:(?:black|block|deny)[-_]?list(?:s|ed|ing)?|revo(?:ked?|kes|cations?)|tokens?|otps?|attempts?"
    rb"|throttl(?:e[ds]?|ing)|(?:rate[-_]?)limit(?:s|ed|ers?|ing)?)|limiters?|limits|rl(?=:)|axes|defender|attack"
    rb"|bans?|banned|lock[-_]?outs?|failed[-_]?(?:logins?|auth)|(?:login|auth)[-_]?fail(?:s|ed|ures?)?|jtis?|2fa|mfa"
    rb"|one[-_]?time[-_]?[a-z]*|verif(?:y|ied|ications?)|magic[-_]?links?|(?:pass(?:word)?|pwd)[-_]?resets?"
    rb"|(?:sms|login|auth|e?mail|phone|confirm(?:ation)?|reset)[-_]?(?:codes?|pins?)|pkce|nonces?|[cx]srf|captchas?",
}
_EXPRESSIONS = {
    kind: re.compile(rb"(?<![a-z0-9])(?:" + words + rb")(?![a-z0-9])", re.IGNORECASE) for kind, words in _KINDS.items()
}


def kind_of(key: bytes) -> str:
    """Return ``session``, ``queue``, ``lock`` or ``guard`` when the name says that a key is no entry, else ``""``.

    When unsure it is none: a cache that keeps a few entries too many does no harm, a lost session or task does.
    """
    return next((kind for kind, expression in _EXPRESSIONS.items() if expression.search(key)), "")


_HINTS = {
    hint: frozenset(hint)
    for hint in b"sess celery kombu unacked rq dramatiq huey bull sidekiq resque taskiq asgi beat queue broker job"
    b" stream lock mutex semaphore leader lease qo black deny revo token otp attempt throttl limit rl: axes defender"
    b" attack ban fail jti 2fa mfa one time verif magic reset code pin pkce nonce srf captcha".split()
}
"""What every name that ``kind_of`` recognises holds, and its letters: a page is asked for those first.

A letter is found or missed at once, and a hint in a page soon; only the names that hold one are looked at.
"""
_LETTERS = frozenset().union(*_HINTS.values())


def kinds_of(keys: Sequence[bytes]) -> list[str]:
    """Return ``kind_of`` of each key."""
    page = b"\n".join(keys).lower()
    present = {letter for letter in _LETTERS if letter in page}
    hints = [hint for hint, letters in _HINTS.items() if letters <= present and hint in page]
    if not hints:
        return [""] * len(keys)
    return [kind_of(key) if any(hint in key.lower() for hint in hints) else "" for key in keys]


def beginning(pattern: str) -> bytes:
    """Return what every key of a pattern begins with."""
    literal = re.split(r"[*?\[\\]", pattern, maxsplit=1)[0]
    return literal.encode("utf-8", "surrogateescape")


def is_named(key: bytes, beginnings: Sequence[bytes]) -> bool:
    """Tell whether a pattern itself says the word that holds the key: ``otp:*`` means what ``*`` does not."""
    for start in beginnings:
        rest = key[len(start) :]
        is_whole = not start[-1:].isalnum() or not rest[:1].isalnum()
        if start and key.startswith(start) and is_whole and not kind_of(rest):
            return True
    return False


def prefix_of(key: bytes) -> str:
    """Return the beginning of a key that may be shown: of a session nothing that follows the word, for that is secret.

    Of any other at most two parts that end in a colon.
    """
    match = _EXPRESSIONS["session"].search(key)
    shown = key[: match.end()] if match else b"".join(_PART.findall(key)[:2])
    return shown.decode("utf-8", "replace")


_PART = re.compile(rb"[^:]*:")
