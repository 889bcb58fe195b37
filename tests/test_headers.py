"""Gaps in block headers: those that were planted and none else, whatever the order of rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.dataset import load
from insure.errors import InvalidInput
from insure.ingest.headers import chance_wait, compare, require_own_clock, scan, scan_file

T = 1_700_000_000
HOUR = 3_600


def chain(blocks: int, seconds: float, gaps: dict[int, int], first: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """A block each `seconds`, rounded down to whole ones; after block n it waits gaps[n] seconds more."""
    numbers = np.arange(first, first + blocks)
    times = T + np.floor(np.arange(blocks) * seconds).astype(np.int64)
    for number, more in gaps.items():
        times[number - first + 1 :] += more
    return numbers, times


def write(path: Path, numbers: np.ndarray, times: np.ndarray, rows: int = 1_000, **names: str) -> Path:
    columns = {names.get("number", "number"): numbers, names.get("time", "timestamp"): times}
    pq.write_table(pa.table(columns), path, row_group_size=rows)
    return path


# Gaps


@given(
    seconds=st.sampled_from([0.4, 1.0, 2.0, 6.0, 12.0]),
    gaps=st.dictionaries(st.integers(2, 1_990), st.integers(600, 90_000), max_size=6),
    cuts=st.lists(st.integers(1, 1_999), max_size=4, unique=True),
    seed=st.integers(0, 2**32 - 1),
)
def test_planted_gaps_are_found_and_none_else(seconds: float, gaps: dict[int, int], cuts: list[int], seed: int) -> None:
    numbers, times = chain(2_000, seconds, gaps)
    rng = np.random.default_rng(seed)
    pieces = []
    for piece in np.split(np.arange(2_000), sorted(cuts)):
        mixed = rng.permutation(np.concatenate([piece, rng.choice(piece, piece.size // 3)]))
        pieces.append((numbers[mixed], times[mixed]))
    found = scan(pieces, 600)
    assert {gap.after_block: (gap.start, gap.end) for gap in found.gaps} == {
        number: (times[number - 1], times[number]) for number in gaps
    }
    assert (found.blocks, found.missing, found.holes) == (2_000, 0, ())
    assert (found.first_at, found.last_at) == (times[0], times[-1])


def test_blocks_found_by_chance_show_no_gap_where_the_law_of_their_pace_allows_it() -> None:
    rng = np.random.default_rng(7)
    times = T + np.cumsum(rng.exponential(600, 200_000)).astype(np.int64)
    found = scan([(np.arange(200_000), times)])
    assert found.gaps == ()
    assert np.diff(times).max() > 6_000, "and there were waits of hours"
    assert found.at_least == chance_wait(found.mean_seconds, 199_999)


def test_a_chain_of_fast_blocks_shows_waits_of_ten_minutes() -> None:
    found = scan([chain(100_000, 2.0, {500: 599, 900: 598})])
    assert found.at_least == 600
    assert [gap.after_block for gap in found.gaps] == [500, 900]
    assert [gap.after_block for gap in scan([chain(100_000, 2.0, {500: 598, 900: 597})]).gaps] == [500]


def test_missing_blocks_are_a_hole_and_no_gap() -> None:
    numbers, times = chain(3_000, 12.0, {100: 5_000})
    keep = (numbers < 2_000) | (numbers > 2_100)
    found = scan([(numbers[keep], times[keep])], 600)
    assert [gap.after_block for gap in found.gaps] == [100]
    assert [(hole.after_block, hole.before_block) for hole in found.holes] == [(1_999, 2_101)]
    assert found.missing == 101


def test_a_time_that_falls_back_makes_no_gap_of_what_follows() -> None:
    numbers, times = chain(100, 600.0, {})
    times[50] -= 5_000
    assert scan([(numbers, times)], 1_300).gaps == ()
    assert scan([(numbers[:51], times[:51]), (numbers[51:], times[51:])], 1_300).gaps == ()


def test_a_genesis_block_without_a_time_is_left_out() -> None:
    numbers, times = chain(100, 12.0, {}, first=0)
    times[0] = 0
    found = scan([(numbers, times)], 600)
    assert (found.gaps, found.first_block, found.missing) == ((), 1, 0)


# Files


def test_row_groups_in_any_order_and_overlapping_ones(tmp_path: Path) -> None:
    numbers, times = chain(10_000, 2.0, {2_500: 7_000, 3_000: 8_000})
    backwards = write(tmp_path / "backwards.parquet", numbers[::-1], times[::-1])
    mixed = np.random.default_rng(1).permutation(10_000)
    overlapping = write(tmp_path / "mixed.parquet", numbers[mixed], times[mixed])
    assert scan_file(backwards) == scan_file(overlapping) == scan([(numbers, times)])
    assert len(scan_file(backwards).gaps) == 2


def test_names_and_types_that_public_data_sets_use(tmp_path: Path) -> None:
    numbers, times = chain(2_000, 2.0, {700: 7_000})
    expected = scan([(numbers, times)])
    cryo = write(
        tmp_path / "cryo.parquet",
        numbers.astype(np.uint32),
        times.astype(np.uint32),
        number="block_number",
    )
    stamps = write(tmp_path / "stamps.parquet", numbers, (times * 1_000_000).astype("datetime64[us]"), time="time")
    assert scan_file(cryo) == scan_file(stamps) == expected


@pytest.mark.parametrize(
    ("numbers", "times", "complaint"),
    [
        ([1, 2, 2], [T, T + 1, T + 2], "block 2 has two times"),
        ([1, 2], [T * 1_000, T * 1_000 + 2], "must be UTC seconds"),
        ([1], [T], "1 blocks with a time: must be at least 2"),
        ([1.0, 2.0], [T, T], "column number holds double"),
        ([1, None], [T, T], "column number has 1 empty cells"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_file(
    tmp_path: Path, numbers: list[object], times: list[object], complaint: str
) -> None:
    path = tmp_path / "odd.parquet"
    pq.write_table(pa.table({"number": numbers, "timestamp": times}), path)
    with pytest.raises(InvalidInput, match=rf"odd\.parquet: .*{complaint}"):
        scan_file(path)


def test_a_file_without_the_columns_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = write(tmp_path / "other.parquet", *chain(10, 1.0, {}), number="height")
    with pytest.raises(InvalidInput, match="columns are height, timestamp: must have one of number"):
        scan_file(other)
    text = tmp_path / "text.parquet"
    text.write_text("<html>")
    with pytest.raises(InvalidInput, match=r"text\.parquet: can't be read as Parquet"):
        scan_file(text)
    with pytest.raises(InvalidInput, match="can't be read as Parquet"):
        scan_file(tmp_path / "absent.parquet")


def test_at_least_must_be_a_second() -> None:
    with pytest.raises(InvalidInput, match="at_least is 0"):
        scan([chain(10, 1.0, {})], 0)


def test_pieces_that_overlap_are_refused() -> None:
    numbers, times = chain(100, 1.0, {})
    with pytest.raises(InvalidInput, match="block 50 comes after block 60"):
        scan([(numbers[:60], times[:60]), (numbers[49:], times[49:])])


# Beside the record


def test_gaps_stand_beside_the_outages_that_they_overlap() -> None:
    history = load()
    outages = history.outages_of("eip155:42161")
    halt = next(outage for outage in outages if outage.id.startswith("arbitrum-one-20231215"))
    numbers = np.arange(4 * 4_000)
    times = halt.start - 2 * 24 * HOUR + numbers * 12
    times[times > halt.start + 600] += 78 * 60  # it halts ten minutes later than recorded
    beside = compare(scan([(numbers, times)]), outages)
    assert [[outage.id for outage in known] for _, known in beside.known] == [[halt.id]]
    assert beside.unseen == ()


def test_a_recorded_halt_without_a_gap_is_told_of() -> None:
    outages = load().outages_of("eip155:42161")
    halt = next(outage for outage in outages if outage.id.startswith("arbitrum-one-20231215"))
    numbers = np.arange(4 * 8_000)
    beside = compare(scan([(numbers, halt.start - 2 * 24 * HOUR + numbers * 12)]), outages)
    assert [outage.id for outage in beside.unseen] == [halt.id]


def test_chains_whose_timestamps_are_back_filled_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"eip155:10 .*OP-stack"):
        require_own_clock(load().subject("eip155:10"))
    require_own_clock(load().subject("eip155:42161"))
