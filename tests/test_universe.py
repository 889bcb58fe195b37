"""The frequency universe: every member by an outside rule, while it was listed, and the years that nobody searched."""

from pathlib import Path

import pytest

from insure.dataset import experience_frames, load
from insure.errors import DatasetError
from insure.universe import FILE, HEADER, parse_universe, unsearched_years
from tests.test_dataset import small, subject_row, write

DAY = 86_400
YEAR = 365.25 * DAY
AS_OF = 1_704_067_200  # 2024-01-01
ALPHA = "market_cap_rank,eip155:7,Alpha,2022-06-01,,a list"
BETA = "l2beat_listing,svc:beta,Beta,2022-06-01,2023-05-31,a list"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tables = small()
    beta = tables["subjects.csv"][1]
    beta |= {"kind": "l2", "inclusion_reason": "l2beat_listing", "observed_to": "2023-05-31"}
    return write(tmp_path, tables)


def put(folder: Path, *rows: str) -> Path:
    (folder / FILE).write_text("\n".join([HEADER, *rows, ""]))
    return folder


def test_the_packaged_lists_name_every_member() -> None:
    history = load()
    named = {member.subject for member in history.universe}
    assert {subject.id for subject in history.subjects if subject.in_frequency_universe} <= named
    assert None in named, "and such as nobody searched"


def test_years_that_nobody_searched_are_those_of_members_that_are_no_subjects(folder: Path) -> None:
    rows = (
        ALPHA,
        BETA,
        "market_cap_rank,,Quiet,2022-01-01,2022-12-31,a list",
        "l2beat_listing,,Still,2023-01-01,,a list",
    )
    history = load(put(folder, *rows))
    years = unsearched_years(history.universe, history.subjects, AS_OF)
    assert years == {"l1": 365 * DAY / YEAR, "rollup": 365 * DAY / YEAR}
    assert unsearched_years(history.universe, history.subjects, 0) == {"l1": 0.0, "rollup": 0.0}


def test_a_member_that_nobody_watched_is_a_subject_all_the_same(folder: Path) -> None:
    tables = small()
    tables["subjects.csv"][1] |= {"kind": "l2", "inclusion_reason": "l2beat_listing", "observed_to": "2023-05-31"}
    tables["subjects.csv"][1]["observation"] = "none"
    history = load(put(write(folder, tables), ALPHA, BETA))
    assert unsearched_years(history.universe, history.subjects, AS_OF)["rollup"] == 0.0
    (row,) = experience_frames(history, AS_OF)[0].query("subject_id == 'svc:beta'").to_dict("records")
    assert (row["member"], row["watched"], row["in_universe"]) == (True, False, False)


def test_a_chains_own_end_may_cut_its_membership(tmp_path: Path) -> None:
    tables = small()
    tables["subjects.csv"][0] |= {"end": "2023-06-30", "observed_to": "2023-06-30"}
    tables["subjects.csv"][1] |= {"inclusion_reason": "listed", "in_frequency_universe": "false"}
    assert len(load(put(write(tmp_path, tables), ALPHA)).universe) == 1


def test_a_chain_that_ends_after_its_membership_is_observed_only_while_it_lasts(tmp_path: Path) -> None:
    tables = small()
    tables["subjects.csv"][0] |= {"end": "2023-06-30", "observed_to": "2023-06-30"}
    tables["subjects.csv"][1] |= {"inclusion_reason": "listed", "in_frequency_universe": "false"}
    with pytest.raises(
        DatasetError, match="'2023-05-31' or the end of eip155:7, the earlier one, is not its observed_"
    ):
        load(put(write(tmp_path, tables), ALPHA.replace(",,a", ",2023-05-31,a")))


def test_a_chain_that_dropped_off_its_list_and_came_back_is_observed_only_while_listed(folder: Path) -> None:
    first, again = ALPHA.replace(",,a", ",2022-08-31,a"), ALPHA.replace("2022-06-01", "2022-10-01")
    history = load(put(folder, first, again, BETA))
    alpha, beta = experience_frames(history, AS_OF)[0].to_dict("records")
    june, september, october, may = 1_654_041_600, 1_661_990_400, 1_664_582_400, 1_685_577_600
    assert alpha["windows"] == ((june, september), (october, AS_OF))
    assert (alpha["observed_from"], alpha["observed_to"]) == (june, AS_OF)
    assert beta["windows"] == ((june, may),)
    assert experience_frames(history, october - 1)[0].loc[0, "windows"] == ((june, september),)


def test_listings_count_from_the_launch_on_and_to_the_chains_own_end(tmp_path: Path) -> None:
    tables = small()
    tables["subjects.csv"][0] |= {"launch": "2022-10-15", "end": "2023-06-30", "observed_to": "2023-06-30"}
    tables["subjects.csv"][1] |= {"inclusion_reason": "listed", "in_frequency_universe": "false"}
    first, again = ALPHA.replace(",,a", ",2022-08-31,a"), ALPHA.replace("2022-06-01", "2022-10-01")
    subjects, _ = experience_frames(load(put(write(tmp_path, tables), first, again)), AS_OF)
    assert subjects.loc[0, "windows"] == ((1_665_792_000, 1_688_169_600),)


def test_a_subject_that_no_list_names_is_observed_from_its_beginning_to_its_end(folder: Path) -> None:
    alpha, _ = experience_frames(load(folder), AS_OF)[0].to_dict("records")
    assert alpha["windows"] == ((alpha["observed_from"], alpha["observed_to"]),)


@pytest.mark.parametrize("name", ["eip155:7,Alpha", ",Quiet"])
def test_listings_of_one_chain_that_overlap_are_refused(folder: Path, name: str) -> None:
    rows = [f"market_cap_rank,{name},2022-07-01,2022-12-31,b", f"market_cap_rank,{name},2022-06-01,2022-07-01,a"]
    with pytest.raises(DatasetError, match="2:listed_from: 2022-07-01 lies within or next to that of line 3"):
        load(put(folder, *rows, BETA, *([ALPHA] if "Quiet" in name else [])))


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (ALPHA.replace("eip155:7", "eip155:9"), "universe.csv:2:subject: 'eip155:9' is not an id in subjects.csv"),
        (ALPHA.replace("2022-06-01", "2022-07-01"), "universe.csv:2:listed_from: 2022-07-01 is not observed_from of"),
        (BETA.replace("2023-05-31", "2023-04-30"), "universe.csv:2:listed_to: '2023-04-30' or the end of"),
        (ALPHA.replace(",,a", ",2022-01-01,a"), "universe.csv:2:listed_to: 2022-01-01 is before listed_from"),
        (ALPHA.replace("market_cap_rank", "outage"), "universe.csv:2:rule: 'outage' makes no member"),
        (ALPHA.replace("a list", ""), "universe.csv:2:evidence: is empty"),
        ("market_cap_rank,,Gamma,2022-06-01,,a list", "universe.csv: lacks eip155:7, a member by market_cap_rank"),
    ],
)
def test_a_row_that_contradicts_the_subjects_is_named(folder: Path, row: str, complaint: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(put(folder, row, ALPHA if row.startswith("l2beat") else BETA))
    assert complaint in str(caught.value)


def test_the_lists_are_part_of_the_data_sets_fingerprint(folder: Path) -> None:
    without = load(folder).fingerprint
    assert load(put(folder, ALPHA, BETA)).fingerprint != without
    assert parse_universe((folder / FILE).read_bytes(), load(folder).subjects) == load(folder).universe
    assert subject_row()["inclusion_reason"] == "market_cap_rank"
