# The inner loops in C; their reference stands in walk.py and claims.py.

from collections.abc import Callable

def listed(
    descriptor: int, limit: int, with_times: bool, by_mtime: bool, /
) -> tuple[int, list[str], tuple[int, ...], tuple[int, ...], tuple[str, ...], list[tuple[str, str, int]]]: ...
def take(
    source: int,
    private: int,
    names: list[str],
    versions: list[str],
    in_place: Callable[[], bool],
    keep: bool,
    unsure: list[int],
    claimed: list[tuple[int, int]],
    /,
) -> tuple[int, int, int]: ...
