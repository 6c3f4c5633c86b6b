"""Variables in a compose file mean what they mean to compose."""

from __future__ import annotations

import pytest

from dvornik.errors import ConfigurationError
from dvornik.schedule.compose_variables import filled

KNOWN = {"TAG": "1.2", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("app:$TAG", "app:1.2"), ("app:${TAG}", "app:1.2"), ("app:${TAG:-x}", "app:1.2"), ("${EMPTY:-x}", "x"),
        ("${EMPTY-x}", ""), ("${GONE-x}", "x"), ("${GONE}", ""), ("${GONE:-${TAG}-slim}", "1.2-slim"),
        ("${GONE:-${ALSO:-a}}/b", "a/b"), ("${TAG:+yes}", "yes"), ("${EMPTY:+yes}", ""), ("${EMPTY+yes}", "yes"),
        ("$$TAG", "$TAG"), ("a$", "a$"), ("${TAG:?why}", "1.2"), ("${EMPTY?why}", ""), ("${", "${"),
    ],
)  # fmt: skip
def test_a_variable_is_filled_in_as_compose_does(text: str, said: str) -> None:
    assert filled(text, KNOWN) == said


@pytest.mark.parametrize("text", ["${EMPTY:?say which}", "${GONE?say which}", "${GONE:-${ALSO:?say which}}"])
def test_a_variable_that_must_be_there_is_asked_for(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        filled(text, KNOWN)
    assert raised.value.context == "say which"
