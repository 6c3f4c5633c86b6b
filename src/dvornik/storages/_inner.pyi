# The inner loops in C; their reference stands in walk.py and claims.py.

from collections.abc import Callable
from typing import Self

class Reader:
    def __new__(cls, with_times: bool, by_mtime: bool) -> Self: ...
    def begin(self, descriptor: int, /) -> None: ...
    def rows(
        self,
    ) -> tuple[bool, int, list[str], tuple[int, ...], tuple[int, ...], tuple[str, ...], list[tuple[str, str, int]]]: ...
    def close(self) -> None: ...

def take(
    source: int,
    private: int,
    names: list[str],
    versions: list[str],
    sizes: list[int],
    in_place: Callable[[], bool],
    keep: bool,
    unsure: list[int],
    claimed: list[tuple[int, int]],
    /,
) -> tuple[int, int, int]: ...
