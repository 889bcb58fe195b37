"""What `insure.files` promises: a file is written in whole or stays as it was, and one at a time writes in a folder."""

from pathlib import Path

import pytest

from insure.errors import InvalidInput
from insure.files import alone, in_whole
from insure.fits import Fits
from insure.overrides import FILE, append_override
from tests.screen_engine import model


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on a text is cut short when it is written, and the writer is told so."""

    def cut(path: Path, text: str, *_: object, **__: object) -> int:
        path.write_bytes(text[: len(text) // 2].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", cut)


def test_what_is_written_in_whole_takes_the_place_of_what_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with in_whole(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"] and path.read_text() == "new"


def test_what_is_interrupted_leaves_what_was_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), in_whole(path) as draft:
        draft.write_text("ne")
        raise KeyboardInterrupt
    assert [each.name for each in tmp_path.iterdir()] == ["file"] and path.read_text() == "old"


def test_a_stored_fit_stays_as_it_was_and_is_the_last_one_again(tmp_path: Path) -> None:
    fits = Fits(tmp_path)
    first = fits.save(model(), {"at": "2026-11-20T00:00:00Z", "commit": "a"})
    before = first.read_bytes()
    other = tmp_path / "0123456789abcdef.json"
    other.write_bytes(before.replace(b"2026-11-20", b"2026-11-21"))
    (tmp_path / "last").unlink()  # as an earlier program left the folder: by the time then
    assert fits.versions() == [model().version, other.stem]
    fits.save(model(), {"at": "2026-11-22T00:00:00Z", "commit": "b"})
    assert first.read_bytes() == before
    assert fits.versions() == [other.stem, model().version]


def test_a_full_disk_leaves_a_fit_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = Fits(tmp_path)
    path = fits.save(model(), {"at": "2026-11-20T00:00:00Z"})
    path.write_bytes(path.read_bytes()[:-9])  # cannot be read: would be made good
    before = path.read_bytes()
    fill_the_disk(monkeypatch)
    with pytest.raises(InvalidInput, match="can't be written: No space left"):
        fits.save(model(), {"at": "2026-11-22T00:00:00Z"})
    assert path.read_bytes() == before
    monkeypatch.undo()
    fits.save(model(), {"at": "2026-11-22T00:00:00Z"})
    assert fits.load(model().version).made["at"] == "2026-11-22T00:00:00Z"


def test_of_two_underwriters_at_once_one_is_told_to_try_again(tmp_path: Path) -> None:
    line = (tmp_path, "eip155:1", "0.5", "Ann", "2026-11-20", "late")
    append_override(*line)
    before = (tmp_path / FILE).read_bytes()
    with alone(tmp_path), pytest.raises(InvalidInput, match="somebody else is deciding: try again"):
        append_override(*line)
    assert (tmp_path / FILE).read_bytes() == before
    append_override(*line)
    assert (tmp_path / FILE).read_bytes().count(b"eip155:1") == 2


def test_a_full_disk_leaves_the_overrides_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = (tmp_path, "eip155:1", "0.5", "Ann", "2026-11-20", "late")
    append_override(*line)
    before = (tmp_path / FILE).read_bytes()
    fill_the_disk(monkeypatch)
    with pytest.raises(InvalidInput, match="can't be written: No space left"):
        append_override(*line)
    assert (tmp_path / FILE).read_bytes() == before
