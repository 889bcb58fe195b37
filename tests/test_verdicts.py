"""The record says what people decided about it: a field holds the last word of its verdicts."""

import csv
from pathlib import Path

from insure import dataset
from insure.ingest.matching import Group
from insure.ingest.merging import account, length_text, moment_text
from insure.ingest.reports import of_record
from insure.ingest.verdicts import FILE, Kind, Verdict, parse_verdicts
from insure.records.history import Outage

DATA = Path(__file__).resolve().parent.parent / "data"
VERDICTS = parse_verdicts((DATA / FILE).read_bytes()).lines
WRITTEN = {Kind.ACCEPTED, Kind.CORRECTED}


def record() -> dict[str, dict[str, str]]:
    with (DATA / "outages.csv").open(encoding="utf-8", newline="") as file:
        return {row["outage_id"]: row for row in csv.DictReader(file)}


def told(outage: Outage) -> dict[str, str]:
    """What a row says of each field that a source can deny, in the words of a kept verdict."""
    own = account(Group([of_record(outage)]))
    return {
        "start": moment_text(own.start),
        "end": "" if own.end is None else moment_text(own.end),
        "ended": str(outage.ended),
        "length": "" if own.length is None else length_text(own.length),
        "what_stopped": str(outage.what_stopped),
        "severity": str(outage.severity),
        "peril": str(outage.peril),
    }


def words(given: Verdict) -> str:
    return f"{given.outage_id} {given.field}, version {given.version}"


def test_a_verdict_is_about_an_outage_and_a_field_that_exist() -> None:
    rows = record()
    decided = [each for each in VERDICTS if each.verdict in WRITTEN]
    assert [words(each) for each in decided if each.field not in rows.get(each.outage_id, {})] == []


def test_the_record_says_what_was_decided_last() -> None:
    rows = record()
    last = {(each.outage_id, each.field): each for each in VERDICTS if each.verdict in WRITTEN}
    wrong = {words(each): (rows[each.outage_id][each.field], each.after) for each in last.values()}
    assert {name: both for name, both in wrong.items() if both[0] != both[1]} == {}


def test_what_was_kept_against_a_source_is_still_there_unless_corrected_later() -> None:
    rows = {each.id: each for each in dataset.load(DATA).outages}
    last = {(each.outage_id, _denied(each.field)): each for each in VERDICTS if each.verdict is not Kind.DISMISSED}
    kept = [each for each in last.values() if each.verdict is Kind.KEPT]
    assert kept, "there is something to compare"
    assert [words(each) for each in kept if told(rows[each.outage_id])[each.field] != each.before] == []


def _denied(field: str) -> str:
    """The field that a source denies when it denies this column."""
    return "length" if field.startswith("duration_") else field.removesuffix("_precision")


def test_each_verdict_found_what_the_one_before_left() -> None:
    left: dict[tuple[str, str], str] = {}
    torn = []
    for each in VERDICTS:
        if each.verdict in WRITTEN:
            cell = (each.outage_id, each.field)
            if left.setdefault(cell, each.before) != each.before:
                torn.append(words(each))
            left[cell] = each.after
    assert torn == []
