"""What lies below a media root and is no media of the site: other programs' directories, markers and repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dvornik.model import Reason
from dvornik.references.derivatives import is_parallel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvornik.contracts.storage import Batch

_REPOSITORIES: Final = (
    frozenset(("HEAD", "config")),
    frozenset(("HEAD", "packed-refs")),
    frozenset(("format", "README.txt")),
)
"""Files by which a repository without a working copy is told: of Git, and of a server of Subversion."""
_OPEN_ELSEWHERE: Final = ".nfs"
"""What NFS calls a file that was removed while another client has it open."""


def is_foreign(path: str) -> bool:
    """Tell whether a directory is not entered: a hidden one is another program's, unless it holds thumbnails."""
    name = path.rpartition("/")[2]
    return name.startswith(".") and not is_parallel(name)


class Foreign:
    """Tells of one place's files, a directory at a time and top down, which are not the site's."""

    def __init__(self) -> None:
        """Start at the root."""
        self._repositories: list[str] = []

    def objections(self, batch: Batch) -> dict[str, Reason]:
        """Say which files of a directory are not the site's media, and why they stay."""
        if any(f"{batch.container}/".startswith(each) for each in self._repositories):
            return dict.fromkeys(batch.names, Reason.NOT_OWN)
        if _is_repository(batch.names):
            self._repositories.append(f"{batch.container}/".lstrip("/"))
            return dict.fromkeys(batch.names, Reason.NOT_OWN)
        if "\0." not in "\0" + "\0".join(batch.names):  # one look at all of them
            return {}
        hidden = [name for name in batch.names if name.startswith(".")]
        return {
            name: Reason.OPEN if name.startswith(_OPEN_ELSEWHERE) else Reason.NOT_OWN
            for name in hidden
            if name.startswith(_OPEN_ELSEWHERE) or not batch.container
        }


def _is_repository(names: Sequence[str]) -> bool:
    return any(name in {"HEAD", "format"} for name in names) and any(each.issubset(names) for each in _REPOSITORIES)
