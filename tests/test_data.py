import csv
import re
from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest

from insure.dataset import Dataset, experience_frames, find_outage, load, replayable
from insure.records import history
from insure.records.history import Inclusion, Severity, SubjectKind
from insure.records.history_tables import HEADERS
from insure.universe import unsearched_years
from pricing_models.windows import seconds

DATA = Path(__file__).parents[1] / "data"
AS_OF = 1_795_305_600  # 2026-11-22


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load(DATA)


def test_every_outage_ever_gathered_is_kept(dataset: Dataset) -> None:
    assert len(dataset.outages) >= 332


def test_usable_outages_are_the_unplanned_full_halts_of_chains(dataset: Dataset) -> None:
    usable = [outage for outage in dataset.outages if outage.usable]
    assert len(usable) >= 168
    assert {outage.severity for outage in usable} == {Severity.FULL_HALT}
    assert all(dataset.subject(outage.subject).kind.is_chain for outage in usable)
    assert all(outage.sources for outage in usable)


def test_full_halts_that_do_not_count_are_few_and_say_why(dataset: Dataset) -> None:
    left_out = [o for o in dataset.outages if o.severity is Severity.FULL_HALT and not o.usable]
    assert sorted(outage.id for outage in left_out) == ["pyth-20260522", "redstone-20260518"]
    assert all(outage.unusable_reason for outage in left_out)


def test_missing_durations_stay_missing_rather_than_zero(dataset: Dataset) -> None:
    usable = [outage for outage in dataset.outages if outage.usable]
    with (DATA / "outages.csv").open(encoding="utf-8", newline="") as file:
        empty = sum(row["usable"] == "true" and not row["duration_low_seconds"] for row in csv.DictReader(file))
    assert sum(outage.duration_low_seconds is None for outage in usable) == empty >= 1
    assert not any(outage.duration_low_seconds == 0 for outage in usable)


def test_the_outage_of_arbitrum_in_december_2023_can_be_replayed(dataset: Dataset) -> None:
    outage = find_outage(dataset, "eip155:42161@2023-12-15")
    assert replayable(outage) == (1_702_654_140, 1_702_659_420)  # status page: 15:29 to 16:57 UTC
    assert (outage.duration_low_seconds, outage.duration_high_seconds) == (78 * 60, 88 * 60)


def test_the_longest_measured_halt_is_that_of_evmos(dataset: Dataset) -> None:
    bounded = [o for o in dataset.outages if o.usable and o.duration_high_seconds is not None]
    longest = max(bounded, key=lambda outage: outage.duration_low_seconds or 0)
    assert (longest.subject, longest.start_precision) == ("eip155:9001", history.Precision.MINUTE)


@pytest.mark.parametrize(
    ("name", "subject_id"),
    [
        ("arbitrum-one", "eip155:42161"),
        ("bnb-chain", "eip155:56"),
        ("bnb-smart-chain", "eip155:56"),
        ("avail-da", "svc:avail"),
        ("aws", "svc:aws-us-east-1"),
        ("ronin", "eip155:2020"),
        ("celo", "eip155:42220"),
        ("cosmos:cosmoshub-3", "cosmos:cosmoshub-4"),
        ("solana", "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"),
    ],
)
def test_a_subject_is_found_by_its_other_names(dataset: Dataset, name: str, subject_id: str) -> None:
    assert dataset.subject(name).id == subject_id


def test_membership_does_not_follow_from_having_halted(dataset: Dataset) -> None:
    halted = {outage.subject for outage in dataset.outages if outage.usable}
    members = {subject.id for subject in dataset.subjects if subject.in_frequency_universe}
    assert len(members - halted) > len(members & halted)
    assert halted - members  # chains that halted and were never listed or ranked


def test_the_universe_has_the_exposure_that_its_lists_give(dataset: Dataset) -> None:
    subjects, _ = experience_frames(dataset, AS_OF)
    universe = subjects[subjects["in_universe"]]
    years = universe["windows"].map(seconds) / 31_557_600
    rollup = universe["kind"].isin(["l2", "l3"])
    assert years[rollup].sum() == pytest.approx(157.4, rel=0.03)
    # whoever is searched next, the lists of L1s stay as long: forty chains, less the time before launches, after ends
    unsearched = unsearched_years(dataset.universe, dataset.subjects, AS_OF)
    assert years[~rollup].sum() + unsearched["l1"] == pytest.approx(353, rel=0.02)


@pytest.mark.parametrize("year", range(2018, 2027))
def test_the_monthly_lists_have_forty_chains(dataset: Dataset, year: int) -> None:
    l1s = [member for member in dataset.universe if member.rule is Inclusion.MARKET_CAP_RANK]
    for month in range(1, 13):
        day = datetime(year, month, 15, tzinfo=UTC).timestamp()
        listed = [each for each in l1s if each.listed_from <= day and (each.listed_to is None or day < each.listed_to)]
        assert len({each.subject or each.name for each in listed}) == len(listed) == 40, month


def test_every_rollup_depends_on_the_chain_it_settles_on(dataset: Dataset) -> None:
    edges = {(dependency.subject, dependency.cause) for dependency in dataset.dependencies}
    rollups = [subject for subject in dataset.subjects if subject.settles_on is not None]
    assert len(rollups) > 60
    assert all((subject.id, subject.settles_on) in edges for subject in rollups)


def test_no_chain_of_dependencies_returns_to_its_beginning(dataset: Dataset) -> None:
    causes: dict[str, set[str]] = {}
    for dependency in dataset.dependencies:
        causes.setdefault(dependency.subject, set()).add(dependency.cause)
    for start in causes:
        reached, frontier = set[str](), {start}
        while frontier:
            frontier = {cause for subject in frontier for cause in causes.get(subject, ())} - reached
            reached |= frontier
        assert start not in reached


def test_ethereum_is_the_cause_that_most_subjects_share(dataset: Dataset) -> None:
    members = Counter(dependency.cause for dependency in dataset.dependencies)
    ethereum = dataset.subject("ethereum").id
    assert members[ethereum] == max(members.values())


@pytest.mark.parametrize(
    "vocabulary",
    [
        SubjectKind,
        history.Observation,
        history.Precision,
        history.Stopped,
        history.Severity,
        history.Peril,
        history.Ended,
        history.Confidence,
        history.Relation,
        history.Basis,
    ],
)
def test_the_readme_explains_every_word_of_the_vocabulary(vocabulary: type[StrEnum]) -> None:
    words = set(re.findall(r"`([a-z0-9_]+)`", (DATA / "README.md").read_text(encoding="utf-8")))
    assert {word.value for word in vocabulary} <= words


def test_the_readme_explains_every_column() -> None:
    words = set(re.findall(r"`([a-z0-9_]+)`", (DATA / "README.md").read_text(encoding="utf-8")))
    assert {column for header in HEADERS.values() for column in header.split(",")} <= words
