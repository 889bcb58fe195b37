"""What `insure.tail_file` promises: a run is read back as it was kept, or refused with what it is of instead."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from insure import dataset
from insure.book import build_world
from insure.engine import price_cover
from insure.errors import InvalidInput
from insure.tail_file import KeptTail, read_made, read_tail, require_tail_file, write_tail
from pricing_models.marginal import store_tail
from pricing_models.model import as_stored
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book, Cover
from pricing_models.surface import added_capital
from tests.screen_engine import ARBITRUM, LINEA, NOW, model

DAY, HOUR, USD = 86_400, 3_600, 10**6
BLOCKS, SEED = 40, 3
TERMS = Terms(HOUR, Semantics.RETENTION, 1_388_888, 0, 50_000 * USD, 100_000 * USD)
COVERS = (Cover("1", ARBITRUM, TERMS, 0, 90 * DAY), Cover("2", LINEA, TERMS, 0, 90 * DAY))
HISTORY = dataset.load()


@pytest.fixture(scope="module")
def book():
    return Book(COVERS, build_world(as_stored(model()), HISTORY))


@pytest.fixture(scope="module")
def totals(book):
    return book.simulate(SEED, 0, BLOCKS)


@pytest.fixture
def kept(tmp_path, book, totals):
    path = tmp_path / "pool.npz"
    write_tail(path, book, SEED, totals, model(), HISTORY, NOW)
    return path


def test_a_run_is_read_back_with_its_worst_years_and_prices_a_policy_as_it_did(kept, book, totals):
    told = read_tail(kept, model(), HISTORY)
    found, stored = told.stored, store_tail(book, SEED, totals)
    assert (found.version, found.tvar) == (stored.version, stored.tvar)
    asked = (LINEA, TERMS, 60 * DAY)
    need = added_capital(found, *asked)
    assert need == added_capital(stored, *asked)
    assert 0 < need <= TERMS.aggregate_limit
    words = f"by tail {told.fingerprint[:16]} of 2 policies, 4,000 years from 2026-11-18 on, 2 days old"
    assert told.words(NOW + 2 * DAY).endswith(words)


def test_a_fit_read_from_its_file_has_the_same_tail(kept):
    fitted, again = (read_tail(kept, each, HISTORY).stored for each in (model(), as_stored(model())))
    assert fitted.version == again.version


def test_a_tail_of_another_model_is_refused_with_both_versions(kept):
    other = replace(model(), version="00ff00ff00ff00ff")
    with pytest.raises(InvalidInput, match=f"is of model {model().version}: must be of 00ff00ff00ff00ff, the quote's"):
        read_tail(kept, other, HISTORY)


def test_a_tail_of_another_world_is_refused_with_both_books(kept):
    fewer = replace(HISTORY, dependencies=HISTORY.dependencies[1:], fingerprint="another")
    with pytest.raises(
        InvalidInput, match=r"is of book \w+ of history \w+: .* must now make \w+, with history another"
    ):
        read_tail(kept, model(), fewer)


def test_payouts_of_another_run_are_refused(tmp_path, book, totals):
    path = tmp_path / "pool.npz"
    write_tail(path, book, SEED + 1, totals, model(), HISTORY, NOW)
    with pytest.raises(InvalidInput, match=f"totals are not the run of this book with seed {SEED + 1}"):
        read_tail(path, model(), HISTORY)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 of an archive's beginning"])
def test_what_is_no_tail_is_named(tmp_path, content):
    path = tmp_path / "pool.npz"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"pool.npz: can't be read: is no tail"):
        read_made(path)
    with pytest.raises(InvalidInput, match=r"absent.npz: can't be read: No such file"):
        read_made(tmp_path / "absent.npz")


def test_a_tail_that_lacks_a_field_or_was_damaged_is_named(kept):
    np.savez(kept.with_name("poor.npz"), made=np.array('{"seed": 1}'), totals=np.zeros(200, np.int64))
    with pytest.raises(InvalidInput, match=r"poor.npz: is no tail: lacks model_version"):
        read_made(kept.with_name("poor.npz"))
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 0xFF
    kept.write_bytes(bytes(content))
    with pytest.raises(InvalidInput, match=r"pool.npz: "):
        read_tail(kept, model(), HISTORY)


def rewrite(path, made=None, **changes):
    """The file with other content, its fingerprint left as it was."""
    with np.load(path) as content:
        kept, totals = json.loads(str(content["made"])), content["totals"]
    totals = changes.pop("totals", totals)
    np.savez(path, made=np.array(json.dumps(kept | changes if made is None else made)), totals=totals)


@pytest.mark.parametrize("made", ["a text", 7, ["model_version"], None])
def test_what_it_was_made_of_must_be_an_object(kept, made):
    np.savez(kept, made=np.array(json.dumps(made)), totals=np.zeros(200, np.int64))
    with pytest.raises(InvalidInput, match=r"pool.npz: made is .*: must be an object"):
        read_made(kept)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("begins_at", 10**15),
        ("begins_at", -1),
        ("begins_at", "soon"),
        ("begins_at", True),
        ("begins_at", 1.5e9),
        ("seed", -1),
        ("seed", None),
        ("model_version", ["x"]),
        ("book", 3),
        ("covers", {}),
        ("fingerprint", 0),
    ],
)
def test_a_field_that_cannot_be_is_named(kept, field, value):
    rewrite(kept, **{field: value})
    with pytest.raises(InvalidInput, match=rf"pool.npz: {field} is .*: must be"):
        read_tail(kept, model(), HISTORY)


@pytest.mark.parametrize(
    "totals", [np.zeros(4_000), np.zeros((2, 100), np.int64), np.zeros(150, np.int64), np.full(100, -1), np.array([])]
)
def test_totals_that_are_no_years_are_named(kept, totals):
    rewrite(kept, totals=totals)
    with pytest.raises(InvalidInput, match=r"pool.npz: totals are"):
        read_tail(kept, model(), HISTORY)


@pytest.mark.parametrize("cover", [7, {}, {"terms": 3}, {"id": "1", "terms": {}}])
def test_a_policy_that_is_none_is_named(kept, cover):
    rewrite(kept, covers=[cover])
    with pytest.raises(InvalidInput, match=r"pool.npz: covers\[0\]: "):
        read_tail(kept, model(), HISTORY)


def test_a_run_whose_beginning_was_changed_is_refused(kept):
    rewrite(kept, begins_at=NOW + 10 * DAY)
    with pytest.raises(InvalidInput, match=r"pool.npz: fingerprint is not that of its content"):
        read_tail(kept, model(), HISTORY)


def test_the_fingerprint_is_of_the_beginning_too(kept, book, totals):
    first = read_tail(kept, model(), HISTORY).fingerprint
    write_tail(kept, book, SEED, totals, model(), HISTORY, NOW + 1)
    assert read_tail(kept, model(), HISTORY).fingerprint != first


def test_a_run_that_began_long_ago_or_is_still_to_begin_is_refused(kept):
    tail = KeptTail(kept, HISTORY)
    assert tail.of(model(), NOW + 30 * DAY) is tail.of(model(), NOW - DAY)
    with pytest.raises(InvalidInput, match=r"pool.npz: begins_at is 2026-11-18, 31 days before the price: must be at"):
        tail.of(model(), NOW + 31 * DAY)
    with pytest.raises(InvalidInput, match=r"pool.npz: begins_at is 2026-11-18, after the price"):
        tail.of(model(), NOW - DAY - 1)


def test_a_price_without_a_chain_is_refused_by_an_old_run(kept):
    asked = (HISTORY, LINEA, TERMS, 60 * DAY)
    assert price_cover(*asked, NOW, model(), tail=kept).capital.marginal is not None
    with pytest.raises(InvalidInput, match="31 days before the price"):
        price_cover(*asked, NOW + 31 * DAY, model(), tail=kept)


def test_a_file_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    require_tail_file(None)
    require_tail_file(tmp_path / "pool.npz")
    with pytest.raises(InvalidInput, match=r"--tail is .*pool.bin: must be a file and end in .npz"):
        require_tail_file(tmp_path / "pool.bin")
    with pytest.raises(InvalidInput, match="nothing can be written to"):
        require_tail_file(tmp_path / "absent" / "pool.npz")


def test_a_kept_tail_is_read_once_and_again_when_its_file_changes(kept, book, totals):
    tail = KeptTail(kept, HISTORY)
    first = tail.of(model(), NOW)
    assert tail.of(model(), NOW) is first
    write_tail(kept, Book(COVERS[:1], book.world), SEED, totals, model(), HISTORY, NOW)
    os.utime(kept, ns=(1, 1))
    with pytest.raises(InvalidInput, match="totals are not the run"):
        tail.of(model(), NOW)
    kept.unlink()
    with pytest.raises(InvalidInput, match="No such file"):
        tail.of(model(), NOW)
