"""Which sources this is: the commit of the checkout that runs."""

import subprocess
from pathlib import Path

from insure.records.deployment import UNKNOWN

_HERE = Path(__file__).resolve()


def source_commit(here: Path = _HERE) -> str:
    """The commit of the checkout that a source file belongs to; with "+changes" if the checkout differs from it.

    "unknown" where there is no git, or the file is not one of a repository's (an installed package, say).
    """
    if _git(here.parent, "ls-files", "--error-unmatch", here.name) is None:
        return UNKNOWN
    commit = _git(here.parent, "rev-parse", "HEAD")
    changes = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
    if not commit or changes is None:
        return UNKNOWN
    return f"{commit}+changes" if changes else commit


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, None where it refuses or is not there."""
    try:
        told = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return told.stdout.strip() if told.returncode == 0 else None
