"""L2BEAT's liveness: posting that stopped, never a halt of blocks, and no anomaly with a time made up."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insure.errors import InvalidInput
from insure.ingest.l2beat import read_anomalies
from insure.ingest.reports import Report, SourceKind
from insure.records.history import Ended, Stopped

NOW = 1_760_000_000
T = 1_759_000_000
SPELL = {"start": T, "end": T + 7_200, "durationInSeconds": 7_200, "subtype": "batchSubmissions", "isApproved": True}


def read(*anomalies: Any) -> tuple[tuple[Report, ...], tuple[str, ...]]:
    body = json.dumps({"optimism": {"batchSubmissions": {}, "anomalies": anomalies}}).encode()
    return read_anomalies(body, "optimism", "l2beat:l2beat.com", "eip155:10", "https://l2beat.example", NOW)


def test_no_batches_is_on_chain_evidence_of_posting_that_stopped() -> None:
    ((report,), rejected) = read(SPELL)
    assert (report.kind, report.what_stopped, report.ended) == (
        SourceKind.ON_CHAIN,
        Stopped.BATCH_POSTING,
        Ended.RESUMED,
    )
    assert (report.start.at, report.length, report.text) == (
        T,
        (7_200, 7_200),
        "no batchSubmissions on the parent chain",
    )
    assert rejected == ()


@pytest.mark.parametrize("kind", ["stateUpdates", "proofSubmissions"])
def test_no_state_or_proofs_is_finality_that_stopped(kind: str) -> None:
    assert read({**SPELL, "subtype": kind})[0][0].what_stopped is Stopped.FINALITY


def test_one_that_goes_on_has_no_end() -> None:
    ((report,), _) = read({**SPELL, "end": None, "durationInSeconds": 900})
    assert (report.end, report.ended, report.length) == (None, None, (NOW - T, None))


def test_the_older_form_tells_a_duration_only() -> None:
    ((report,), _) = read({"timestamp": T, "durationInSeconds": 7_200, "type": "batchSubmissions"})
    assert report.length == (7_200, 7_200)


def test_projects_may_lie_one_level_deeper() -> None:
    body = json.dumps({"projects": {"optimism": {"anomalies": [SPELL]}}}).encode()
    assert len(read_anomalies(body, "optimism", "l2beat:x", "eip155:10", "https://x", NOW)[0]) == 1


def test_an_anomaly_told_twice_is_one() -> None:
    assert len(read(SPELL, SPELL, {**SPELL, "end": T + 7_201})[0]) == 1


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"start": T * 1_000}, "start is 1759000000000: must be UTC seconds up to now"),
        ({"start": "2025-01-01"}, "must be a whole number of seconds"),
        ({"start": True}, "must be a whole number of seconds"),
        ({"end": T}, "must be after its start"),
        ({"end": NOW + 1}, "up to now"),
        ({"subtype": "blocks"}, "subtype is 'blocks': must be one of batchSubmissions"),
        ({"subtype": None}, "must be a text"),
    ],
)
def test_an_anomaly_that_contradicts_itself_is_rejected(fields: dict[str, Any], complaint: str) -> None:
    reports, (line,) = read({**SPELL, **fields})
    assert reports == ()
    assert line.startswith("anomaly 1 of optimism: ") and complaint in line


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"<html>", "must be JSON"),
        (b"[]", "no object of projects"),
        (b"{}", "no anomalies of a project 'optimism'"),
        (b'{"optimism": {"anomalies": {}}}', "no anomalies of a project 'optimism'"),
    ],
)
def test_another_answer_is_refused(body: bytes, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        read_anomalies(body, "optimism", "l2beat:x", "eip155:10", "https://x", NOW)


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5)
)


@given(st.lists(st.dictionaries(st.sampled_from([*sorted(SPELL), "timestamp", "type"]), VALUES) | VALUES, max_size=4))
def test_whatever_it_says_each_anomaly_is_a_report_or_a_rejection(anomalies: list[Any]) -> None:
    reports, rejected = read(*anomalies)
    assert len(reports) + len(rejected) <= len(anomalies)
    assert all(each.start.at <= NOW for each in reports)
