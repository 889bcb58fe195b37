"""What sources answered: each content once, nothing lost, nothing changed unseen."""

import gzip
import hashlib
from pathlib import Path

import pytest

from insure.errors import SourceError
from insure.ingest.archive import Archive, Entry


def entry(body: bytes, at: int = 1, url: str = "https://x/a", source: str = "statuspage:x") -> Entry:
    return Entry(source, url, at, hashlib.sha256(body).hexdigest(), etag='"1"')


def test_an_answer_is_given_back_as_it_was(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add(entry(b"one"), b"one")
    assert Archive(tmp_path).entries() == (entry(b"one"),)
    assert archive.body(entry(b"one").sha256) == b"one"


def test_the_same_content_is_kept_once_and_read_with_its_last_time(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for at, body in ((1, b"one"), (2, b"two"), (3, b"one")):
        archive.add(entry(body, at), body)
    assert len(list(tmp_path.rglob("*.gz"))) == 2
    assert [(each.at, body) for each, body in archive.answers()] == [(3, b"one"), (2, b"two")]
    assert archive.latest("https://x/a") == entry(b"one", 3)
    assert archive.latest("https://x/b") is None


def test_half_a_line_of_a_crash_is_passed_over_and_overwritten(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add(entry(b"one"), b"one")
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"source": "statuspage:x", "ur')
    assert archive.entries() == (entry(b"one"),)
    archive.add(entry(b"two", 2), b"two")
    assert archive.entries() == (entry(b"one"), entry(b"two", 2))


def test_content_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    with pytest.raises(SourceError, match="not that of SHA-256"):
        archive.add(entry(b"one"), b"two")
    archive.add(entry(b"one"), b"one")
    (path,) = tmp_path.rglob("*.gz")
    path.write_bytes(gzip.compress(b"forged"))
    with pytest.raises(SourceError, match="has changed"):
        archive.body(entry(b"one").sha256)
    path.write_bytes(b"no gzip")
    with pytest.raises(SourceError, match=r"can't be read \(BadGzipFile\)"):
        archive.body(entry(b"one").sha256)
    path.unlink()
    with pytest.raises(SourceError, match="FileNotFoundError"):
        archive.body(entry(b"one").sha256)


def test_a_line_that_is_no_entry_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text('{"source": "x"}\n')
    with pytest.raises(SourceError, match=r"index\.jsonl:1: is no entry"):
        Archive(tmp_path).entries()
