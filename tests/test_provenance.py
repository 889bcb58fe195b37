"""The commit that a manifest names: of the checkout the code is in, and of no other."""

import subprocess
from pathlib import Path

import pytest

from insure.ops import provenance
from insure.ops.provenance import source_commit


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source file in a repository of its own."""
    file = tmp_path / "package" / "module.py"
    file.parent.mkdir()
    file.write_text("a")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "--no-verify", "-m", "first")
    return file


def test_the_commit_of_a_checkout_is_told(source: Path) -> None:
    assert source_commit(source) == git(source.parent, "rev-parse", "HEAD")


def test_a_checkout_that_was_changed_since_says_so(source: Path) -> None:
    (source.parent / "other.py").write_text("untracked files are no change")
    assert "+" not in source_commit(source)
    source.write_text("b")
    assert source_commit(source) == git(source.parent, "rev-parse", "HEAD") + "+changes"


def test_code_installed_inside_somebody_elses_checkout_is_of_no_commit(source: Path) -> None:
    installed = source.parent / "site-packages" / "module.py"
    installed.parent.mkdir()
    installed.write_text("a")
    assert source_commit(installed) == "unknown"


def test_outside_of_any_checkout_it_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("a")
    assert source_commit(tmp_path / "module.py") == "unknown"


def test_without_git_it_is_unknown(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError("git")

    monkeypatch.setattr(provenance.subprocess, "run", missing)
    assert source_commit(source) == "unknown"
