import csv
import math
import shutil
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from insure.dataset import Dataset, experience_frames, find_outage, load, replayable
from insure.errors import DatasetError, InvalidInput, UnknownSubject
from insure.records.history import Precision, SubjectKind, interval, parse_subject_id, subject_key
from insure.records.history_tables import HEADERS

DAY = 86_400
T_2023 = 1_672_531_200  # 2023-01-01T00:00:00Z

Table = list[dict[str, str]]
Tables = dict[str, Table]


def subject_row(**cells: str) -> dict[str, str]:
    row = dict.fromkeys(HEADERS["subjects.csv"].split(","), "")
    row |= {"id": "eip155:7", "slug": "alpha", "name": "Alpha", "kind": "l1", "launch": "2022-01-01"}
    row |= {"launch_source": "background", "observed_from": "2022-06-01", "observation": "press"}
    row |= {"in_frequency_universe": "true", "inclusion_reason": "market_cap_rank", "well_observed": "false"}
    return row | {"operator_controlled": "false"} | cells


def outage_row(**cells: str) -> dict[str, str]:
    row = dict.fromkeys(HEADERS["outages.csv"].split(","), "")
    row |= {"outage_id": "alpha-1", "event_id": "e1", "subject": "eip155:7", "severity": "full_halt"}
    row |= {"what_stopped": "block_production", "peril": "client_bug", "ended": "resumed"}
    row |= {"start": "2023-01-01T10:00:00Z", "start_precision": "minute", "usable": "true"}
    row |= {"end": "2023-01-01T11:00:00Z", "end_precision": "minute", "sources": "https://a.test/1"}
    row |= {"duration_low_seconds": "3600", "duration_high_seconds": "3600", "confidence": "high"}
    return row | cells


def dependency_row(**cells: str) -> dict[str, str]:
    row = {"subject": "svc:beta", "cause": "eip155:7", "relation": "settlement", "basis": "judgement"}
    row |= {"pass_through_low": "0.1", "pass_through_base": "0.5", "pass_through_high": "1"}
    return row | {"note": "", "source": "L2BEAT"} | cells


def small() -> Tables:
    beta = subject_row(
        id="svc:beta", slug="beta", name="Beta", kind="l2", settles_on="eip155:7", aliases="eip155:8;old-beta"
    )
    return {
        "subjects.csv": [subject_row(), beta],
        "outages.csv": [outage_row()],
        "dependencies.csv": [dependency_row()],
    }


def write(folder: Path, tables: Tables) -> Path:
    for name, rows in tables.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, HEADERS[name].split(","), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def problems(folder: Path) -> list[str]:
    with pytest.raises(DatasetError) as caught:
        load(folder)
    return str(caught.value).splitlines()


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[Tables], Dataset]:
    return lambda tables: load(write(tmp_path, tables))


# Reading


def test_the_default_is_the_projects_own_data() -> None:
    assert load().subject("arbitrum-one").id == "eip155:42161"


def test_cells_become_typed_values(loaded: Callable[[Tables], Dataset]) -> None:
    dataset = loaded(small())
    alpha, beta = dataset.subjects
    assert (alpha.kind, alpha.launch, alpha.end) == (SubjectKind.L1, T_2023 - 365 * DAY, None)
    assert (beta.aliases, beta.settles_on) == (("eip155:8", "old-beta"), "eip155:7")
    (outage,) = dataset.outages_of("alpha")
    assert (outage.start, outage.end) == (T_2023 + 36_000, T_2023 + 39_600)
    assert dataset.outages_of("beta") == ()


def test_the_last_day_of_a_chain_belongs_to_it(loaded: Callable[[Tables], Dataset]) -> None:
    tables = small()
    tables["subjects.csv"][0]["end"] = "2023-01-01"
    assert loaded(tables).subjects[0].end == T_2023 + DAY


def test_the_fingerprint_changes_with_any_byte_and_only_then(tmp_path: Path) -> None:
    first = load(write(tmp_path, small())).fingerprint
    assert load(write(tmp_path, small())).fingerprint == first
    tables = small()
    tables["outages.csv"][0]["notes"] = "."
    assert load(write(tmp_path, tables)).fingerprint != first


# Lookup


@pytest.mark.parametrize("name", ["svc:beta", "beta", "BETA", "eip155:8", "old-beta"])
def test_a_subject_answers_to_id_slug_and_aliases(loaded: Callable[[Tables], Dataset], name: str) -> None:
    assert loaded(small()).subject(name).id == "svc:beta"


def test_an_unknown_subject_names_the_nearest_ones() -> None:
    with pytest.raises(UnknownSubject, match=r"'solanna' is unknown: did you mean solana:5eykt"):
        load().subject("solanna")


def test_an_unknown_subject_like_no_other_says_so(loaded: Callable[[Tables], Dataset]) -> None:
    with pytest.raises(UnknownSubject, match="none has a similar name"):
        loaded(small()).subject("zzzzzz")


# Wrong cells, each in one place

Break = tuple[str, int, str, str, str]

BROKEN_CELLS: list[Break] = [
    ("outages.csv", 0, "duration_low_seconds", "12x", "'12x' is not a whole number of seconds"),
    ("outages.csv", 0, "duration_low_seconds", "1.5", "'1.5' is not a whole number of seconds"),
    ("outages.csv", 0, "duration_low_seconds", "-5", "'-5' is not a whole number of seconds"),
    ("outages.csv", 0, "duration_low_seconds", "", "is empty: must be given when duration_high_seconds is"),
    ("outages.csv", 0, "duration_high_seconds", "60", "60 is less than duration_low_seconds 3600"),
    ("outages.csv", 0, "start", "2023-01-01 10:00", "is not a UTC time as YYYY-MM-DDTHH:MM:SSZ"),
    ("outages.csv", 0, "start", "2023-01-01", "is not a UTC time as YYYY-MM-DDTHH:MM:SSZ"),
    ("outages.csv", 0, "start", "2023-02-30T10:00:00Z", "is not a UTC time"),
    ("outages.csv", 0, "start", "", "is empty: must be given"),
    ("outages.csv", 0, "start", "2021-12-30T10:00:00Z", "bounds 3600 to 3600 lie outside"),
    (
        "outages.csv",
        0,
        "end",
        "2023-01-01T10:30:00Z",
        "bounds 3600 to 3600 lie outside the 1740 to 1860 seconds from start 2023-01-01T10:00:00Z to end "
        "2023-01-01T10:30:00Z as precise as they are",
    ),
    ("outages.csv", 0, "end", "2022-12-31T10:00:00Z", "is before start 2023-01-01T10:00:00Z"),
    ("outages.csv", 0, "end_precision", "", "must be given if and only if end is"),
    ("outages.csv", 0, "severity", "bad", "'bad' is not one of full_halt, degraded"),
    ("outages.csv", 0, "severity", "degraded", "'true' is for full halts: severity is degraded"),
    ("outages.csv", 0, "peril", "", "is empty: must be one of client_bug"),
    ("outages.csv", 0, "usable", "yes", "'yes' is neither true nor false"),
    ("outages.csv", 0, "unusable_reason", "planned", "must be given if and only if usable is false"),
    ("outages.csv", 0, "sources", "", "is empty: must be given for a usable outage"),
    ("outages.csv", 0, "subject", "eip155:9", "'eip155:9' is not an id in subjects.csv"),
    ("outages.csv", 0, "subject", "alpha", "is neither a CAIP-2 id nor svc:<slug>"),
    ("subjects.csv", 0, "id", "eip155:007", "is neither a CAIP-2 id nor svc:<slug>"),
    ("subjects.csv", 0, "launch", "2022-1-1", "is not a UTC time as YYYY-MM-DD"),
    ("subjects.csv", 0, "launch_source", "", "is empty: must be given"),
    ("subjects.csv", 0, "launch", "2023-06-01", "2023-01-01T10:00:00Z is before launch 2023-06-01 of eip155:7"),
    ("subjects.csv", 0, "end", "2021-12-01", "is before launch 2022-01-01"),
    ("subjects.csv", 0, "observed_to", "2022-05-01", "is before observed_from 2022-06-01"),
    ("subjects.csv", 0, "observed_from", "", "must be given for a member of the frequency universe"),
    ("subjects.csv", 0, "inclusion_reason", "outage", "true does not go with inclusion_reason outage"),
    ("subjects.csv", 0, "in_frequency_universe", "false", "false does not go with inclusion_reason market_cap_rank"),
    ("subjects.csv", 0, "well_observed", "true", "'true' needs more than observation by press"),
    ("subjects.csv", 0, "operator_controlled", "", "'' is neither true nor false"),
    ("subjects.csv", 0, "kind", "bridge", "'true' is for chains: eip155:7 is of kind bridge"),
    ("subjects.csv", 0, "block_time_seconds", "0", "is not a positive number of seconds"),
    ("subjects.csv", 1, "settles_on", "eip155:1", "'eip155:1' is not an id in subjects.csv"),
    ("subjects.csv", 1, "slug", "alpha", "'alpha' is already used in line 2: must be unique"),
    ("subjects.csv", 1, "aliases", "eip155:7", "'eip155:7' is already used in line 2: must be unique"),
    ("subjects.csv", 1, "kind", "bridge", "'svc:beta' is of kind bridge: must be a chain"),
    ("dependencies.csv", 0, "cause", "svc:nobody", "'svc:nobody' is not an id in subjects.csv"),
    ("dependencies.csv", 0, "cause", "svc:beta", "is the subject itself"),
    ("dependencies.csv", 0, "pass_through_high", "1.2", "'1.2' is not a probability from 0 to 1"),
    ("dependencies.csv", 0, "pass_through_low", "0.9", "0.5 must lie between low 0.9 and high 1.0"),
    ("dependencies.csv", 0, "basis", "guess", "'guess' is not one of measured, judgement"),
]


@pytest.mark.parametrize(("file", "row", "column", "value", "message"), BROKEN_CELLS)
def test_a_wrong_cell_is_named_with_what_would_be_right(
    tmp_path: Path, file: str, row: int, column: str, value: str, message: str
) -> None:
    tables = small()
    tables[file][row][column] = value
    found = problems(write(tmp_path, tables))
    assert any(message in problem for problem in found), found
    assert all(problem.split(":")[0] in HEADERS and problem.split(":")[1].isdigit() for problem in found)


def test_a_problem_reads_file_line_column_and_remedy(tmp_path: Path) -> None:
    tables = small()
    tables["outages.csv"][0]["duration_high_seconds"] = "12x"
    expected = ["outages.csv:2:duration_high_seconds: '12x' is not a whole number of seconds"]
    assert problems(write(tmp_path, tables)) == expected


def test_no_outage_is_older_than_its_chain_whether_it_counts_or_not(tmp_path: Path) -> None:
    tables = small()
    tables["outages.csv"][0] |= {"severity": "degraded", "usable": "false", "unusable_reason": "degraded only"}
    tables["subjects.csv"][0]["launch"] = "2023-06-01"
    (problem,) = problems(write(tmp_path, tables))
    assert problem.startswith("outages.csv:2:")
    assert "2023-01-01T10:00:00Z is before launch 2023-06-01 of eip155:7" in problem


def test_all_problems_of_all_files_come_at_once_in_order(tmp_path: Path) -> None:
    tables = small()
    tables["dependencies.csv"][0]["basis"] = "guess"
    tables["outages.csv"] += [outage_row(outage_id="b", peril="gremlins", confidence="sure"), outage_row()]
    tables["subjects.csv"][1]["kind"] = "l9"
    places = [problem.split(": ")[0] for problem in problems(write(tmp_path, tables))]
    assert places == [
        "subjects.csv:3:kind",
        "outages.csv:3:peril",
        "outages.csv:3:confidence",
        "outages.csv:4:outage_id",
        "dependencies.csv:2:basis",
    ]


def test_a_circle_of_dependencies_is_refused_by_its_rows(tmp_path: Path) -> None:
    tables = small()
    tables["subjects.csv"].append(subject_row(id="svc:gamma", slug="gamma", name="Gamma", aliases=""))
    tables["dependencies.csv"] += [
        dependency_row(subject="svc:gamma", cause="eip155:7"),
        dependency_row(subject="eip155:7", cause="svc:beta"),
    ]
    first, second = problems(write(tmp_path, tables))
    assert first.startswith("dependencies.csv:2:cause: closes a circle: ")
    assert second.startswith("dependencies.csv:4:cause: closes a circle: ")


def test_lines_are_counted_through_cells_of_several_lines(tmp_path: Path) -> None:
    tables = small()
    tables["outages.csv"] = [outage_row(notes="one\ntwo\nthree"), outage_row(outage_id="b", peril="gremlins")]
    assert problems(write(tmp_path, tables))[0].startswith("outages.csv:5:peril: ")


# Wrong files


def test_a_line_with_a_cell_too_few_is_named(tmp_path: Path) -> None:
    with (write(tmp_path, small()) / "outages.csv").open("a", encoding="utf-8") as file:
        file.write("alpha-2,e2,eip155:7\n")
    assert problems(tmp_path) == ["outages.csv:3: has 3 cells: must have 19"]


def test_a_misspelt_column_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, small()) / "subjects.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("kind", "kinds", 1), encoding="utf-8")
    (problem,) = problems(tmp_path)
    assert problem.startswith("subjects.csv:1: header lacks kind and does not know 'kinds': must be id,slug")


def test_an_empty_file_lacks_its_header(tmp_path: Path) -> None:
    (write(tmp_path, small()) / "outages.csv").write_bytes(b"")
    assert problems(tmp_path)[0].startswith("outages.csv:1: header lacks outage_id")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (write(tmp_path, small()) / "dependencies.csv").unlink()
    assert "dependencies.csv: can't be read from" in problems(tmp_path)[0]


def test_text_that_is_not_utf8_is_named_by_line(tmp_path: Path) -> None:
    path = write(tmp_path, small()) / "outages.csv"
    path.write_bytes(path.read_bytes() + b"\xff\n")
    assert problems(tmp_path) == ["outages.csv:3: is not UTF-8"]


def test_an_open_quote_is_named_by_line(tmp_path: Path) -> None:
    path = write(tmp_path, small()) / "outages.csv"
    path.write_bytes(path.read_bytes() + b'"alpha-2,e2\n')
    assert problems(tmp_path)[0].startswith("outages.csv:3: is not CSV: ")


def test_one_broken_cell_of_the_real_data_is_found_in_its_line(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data"
    for name in HEADERS:
        shutil.copy(source / name, tmp_path / name)
    path = tmp_path / "outages.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines, 1) if line.startswith("arbitrum-one-20231215T1529,"))
    lines[number - 1] = lines[number - 1].replace(",4680,5280,", ",12x,5280,")
    path.write_text("".join(lines), encoding="utf-8")
    expected = f"outages.csv:{number}:duration_low_seconds: '12x' is not a whole number of seconds"
    assert problems(tmp_path) == [expected]


# Tables for the models


def frames(
    loaded: Callable[[Tables], Dataset], tables: Tables, as_of: int
) -> tuple[list[dict[Hashable, Any]], list[dict[Hashable, Any]]]:
    subjects, outages = experience_frames(loaded(tables), as_of)
    return subjects.to_dict("records"), outages.to_dict("records")


def test_exposure_runs_from_the_later_beginning_to_the_earlier_end(
    loaded: Callable[[Tables], Dataset],
) -> None:
    tables = small()
    tables["subjects.csv"][0] |= {"observed_from": "2020-01-01", "end": "2023-06-30"}
    tables["subjects.csv"][1] |= {"observed_to": "2022-12-31"}
    alpha, beta = frames(loaded, tables, T_2023 + 10 * DAY)[0]
    assert (alpha["observed_from"], alpha["observed_to"]) == (T_2023 - 365 * DAY, T_2023 + 10 * DAY)
    assert (beta["observed_from"], beta["observed_to"]) == (T_2023 - 214 * DAY, T_2023)


def test_nothing_is_exposed_before_it_exists(loaded: Callable[[Tables], Dataset]) -> None:
    alpha, _ = frames(loaded, small(), T_2023 - 1_000 * DAY)[0]
    assert alpha["observed_from"] == alpha["observed_to"]


def test_a_member_that_nobody_watched_is_not_in_the_universe(loaded: Callable[[Tables], Dataset]) -> None:
    tables = small()
    tables["subjects.csv"][0]["observation"] = "none"
    alpha, beta = frames(loaded, tables, T_2023)[0]
    assert (alpha["in_universe"], beta["in_universe"]) == (False, True)


def test_services_are_not_priced_as_chains(loaded: Callable[[Tables], Dataset]) -> None:
    tables = small()
    cloud = subject_row(
        id="svc:cloud", slug="cloud", kind="cloud", in_frequency_universe="false", inclusion_reason="outage"
    )
    tables["subjects.csv"].append(cloud)
    failure = outage_row(outage_id="c", subject="svc:cloud", usable="false", unusable_reason="no chain")
    tables["outages.csv"].append(failure)
    subjects, outages = frames(loaded, tables, T_2023)
    assert [row["subject_id"] for row in subjects] == ["eip155:7", "svc:beta"]
    assert [(row["subject_id"], row["usable"]) for row in outages] == [("eip155:7", True), ("svc:cloud", False)]


@pytest.mark.parametrize(
    ("low", "high", "bounds"),
    [("3600", "3600", (3600.0, 3600.0)), ("60", "", (60.0, math.inf)), ("", "", (math.nan, math.nan))],
)
def test_bounds_tell_exact_censored_and_missing_lengths_apart(
    loaded: Callable[[Tables], Dataset], low: str, high: str, bounds: tuple[float, float]
) -> None:
    tables = small()
    tables["outages.csv"][0] |= {"duration_low_seconds": low, "duration_high_seconds": high}
    (row,) = frames(loaded, tables, T_2023)[1]
    assert (row["low_seconds"], row["high_seconds"]) == pytest.approx(bounds, nan_ok=True)


def test_a_day_is_placed_at_its_noon(loaded: Callable[[Tables], Dataset]) -> None:
    tables = small()
    tables["outages.csv"][0] |= {"start": "2023-01-01", "start_precision": "day"}
    (row,) = frames(loaded, tables, T_2023)[1]
    assert row["start"] == T_2023 + DAY / 2


@given(st.integers(0, 4_000_000_000), st.sampled_from(list(Precision)))
def test_a_stamp_lies_within_its_interval(instant: int, precision: Precision) -> None:
    first, last = interval(instant, precision)
    assert first <= instant < last


# Replays

REPLAYS: list[tuple[dict[str, str], tuple[int, int] | None]] = [
    ({}, (36_000, 39_600)),
    ({"duration_low_seconds": "3000"}, (36_000, 39_600)),
    ({"end": "", "end_precision": "", "duration_low_seconds": "1600"}, (36_000, 38_600)),
    ({"start": "2023-01-01", "start_precision": "day"}, (36_000, 39_600)),
    ({"end": "2023-01-01", "end_precision": "day"}, (36_000, 39_600)),
    ({"end": "", "end_precision": "", "duration_high_seconds": ""}, None),
    (
        {"end": "", "end_precision": "", "duration_low_seconds": "", "duration_high_seconds": ""},
        None,
    ),
]


@pytest.mark.parametrize(("cells", "expected"), REPLAYS)
def test_an_outage_of_known_length_can_be_replayed(
    loaded: Callable[[Tables], Dataset], cells: dict[str, str], expected: tuple[int, int] | None
) -> None:
    tables = small()
    tables["outages.csv"][0] |= cells
    found = replayable(loaded(tables).outages[0])
    assert (found and (found[0] - T_2023, found[1] - T_2023)) == expected


def test_an_outage_is_found_by_subject_and_day(loaded: Callable[[Tables], Dataset]) -> None:
    assert find_outage(loaded(small()), "alpha@2023-01-01").id == "alpha-1"


def test_of_two_on_a_day_the_halt_that_counts_is_taken(loaded: Callable[[Tables], Dataset]) -> None:
    tables = small()
    slow = {"severity": "degraded", "usable": "false", "unusable_reason": "degraded only"}
    longer = {"end": "", "end_precision": "", "duration_low_seconds": "9000", "duration_high_seconds": "9000"}
    tables["outages.csv"].insert(0, outage_row(outage_id="slow", **slow, **longer))
    assert find_outage(loaded(tables), "eip155:7@2023-01-01").id == "alpha-1"


def test_a_day_without_outage_names_the_days_there_are(loaded: Callable[[Tables], Dataset]) -> None:
    with pytest.raises(InvalidInput, match=r"no outage on 2024-01-01: it has 2023-01-01$"):
        find_outage(loaded(small()), "eip155:7@2024-01-01")
    with pytest.raises(InvalidInput, match="it has none at all"):
        find_outage(loaded(small()), "svc:beta@2024-01-01")


@pytest.mark.parametrize("name", ["eip155:7", "eip155:7@", "@2023-01-01", "eip155:7@2023-1-1", ""])
def test_a_malformed_name_of_an_outage_shows_the_form(loaded: Callable[[Tables], Dataset], name: str) -> None:
    with pytest.raises(InvalidInput, match="must be <subject>@<YYYY-MM-DD>"):
        find_outage(loaded(small()), name)


# Ids


@pytest.mark.parametrize(
    "text",
    [
        "eip155:1",
        "eip155:0",
        "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
        "cosmos:cosmoshub-4",
        "starknet:SN_MAIN",
        "tvm:-239",
        "svc:aws-us-east-1",
    ],
)
def test_a_well_formed_id_is_returned_as_it_is(text: str) -> None:
    assert parse_subject_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ethereum",
        "eip155:",
        "eip155:01",
        "eip155:0x1",
        "eip155:1 ",
        "eip155:1\n",
        "eip155:" + "1" * 33,
        "EIP155:1",
        "ab:1",
        "ninechars:1",
        "cosmos:a:b",
        "cosmos:" + "a" * 33,
        "cosmos:späti",
        "svc:",
        "svc:Aws",
        "svc:a_b",
    ],
)
def test_a_malformed_id_is_refused_with_its_value(text: str) -> None:
    with pytest.raises(InvalidInput, match="subject id ") as caught:
        parse_subject_id(text)
    assert repr(text) in str(caught.value)


def test_the_key_of_a_subject_is_the_keccak_of_its_id() -> None:
    assert subject_key("eip155:42161") == keccak(b"eip155:42161")
    assert len(subject_key("svc:aws")) == 32


@given(st.from_regex(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}", fullmatch=True))
def test_every_caip2_id_of_another_namespace_is_taken(text: str) -> None:
    namespace = text.partition(":")[0]
    if namespace not in ("svc", "eip155"):
        assert parse_subject_id(text) == text
