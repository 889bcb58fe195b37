"""What `pricing_models.experience` promises: who was watched for how long, what halted, what is known of it."""

import numpy as np
import pandas as pd
import pytest

from pricing_models.account import account
from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.experience import LATER, SHORT, YEAR_SECONDS, build, garwood_interval, with_detection

HOUR, DAY = 3600.0, 86400.0
START = 1.6e9
AS_OF = START + 10 * YEAR_SECONDS


def subjects(*rows):
    columns = ["subject_id", "kind", "observed_from", "observed_to", "in_universe"]
    return pd.DataFrame(rows or [("a", "l1", START, AS_OF, True)], columns=columns)


def outages(*rows):
    """Rows of (subject, start, low, high), with `usable` as an optional fifth."""
    return pd.DataFrame(
        [
            {
                "subject_id": row[0],
                "event_id": f"{row[0]}-{i}",
                "start": START + row[1],
                "start_precision": "minute",
                "low_seconds": row[2],
                "high_seconds": row[3],
                "usable": row[4] if len(row) > 4 else True,
                "ended": "resumed",
            }
            for i, row in enumerate(rows)
        ],
        columns=[
            "subject_id",
            "event_id",
            "start",
            "start_precision",
            "low_seconds",
            "high_seconds",
            "usable",
            "ended",
        ],
    )


def test_exposure_ends_at_the_window_or_at_the_date_of_the_fit_whichever_is_first():
    frame = subjects(
        ("a", "l1", START, START + 2 * YEAR_SECONDS, True),
        ("b", "l1", START, AS_OF + YEAR_SECONDS, True),
        ("c", "l1", AS_OF + DAY, AS_OF + YEAR_SECONDS, True),
    )
    years = build(frame, outages(), AS_OF).subjects["exposure_years"]
    assert years.tolist() == pytest.approx([2.0, 10.0, 0.0])


def test_halts_outside_the_window_are_not_counted_but_their_length_is_known():
    frame = subjects(("a", "l1", START, START + YEAR_SECONDS, True))
    history = outages(("a", -DAY * 9, HOUR, HOUR), ("a", DAY, HOUR, HOUR), ("a", YEAR_SECONDS + 9 * DAY, HOUR, HOUR))
    seen = build(frame, history, AS_OF)
    assert seen.subjects.at["a", "halts"] == 1
    assert len(seen.durations) == 3


def test_a_subject_is_counted_only_in_the_windows_that_it_has():
    apart = ((START, START + YEAR_SECONDS), (START + 3 * YEAR_SECONDS, START + 5 * YEAR_SECONDS))
    frame = subjects(("a", "l1", START, AS_OF, True), ("b", "l1", START, AS_OF, True))
    frame["windows"] = [apart, ((START, AS_OF),)]
    history = outages(*((name, year * YEAR_SECONDS, HOUR, HOUR) for name in "ab" for year in (0.5, 2, 4, 6)))
    seen = build(frame, history, AS_OF)
    assert seen.subjects["exposure_years"].tolist() == pytest.approx([3.0, 10.0])
    assert seen.subjects["halts"].tolist() == [2, 4]
    assert len(seen.durations) == 8
    earlier = build(frame, history, START + 4 * YEAR_SECONDS)
    assert earlier.subjects["exposure_years"].tolist() == pytest.approx([2.0, 4.0])


def test_windows_lie_within_the_bracket():
    frame = subjects(("a", "l1", START + YEAR_SECONDS, START + 3 * YEAR_SECONDS, True))
    frame["windows"] = [((START, START + 2 * YEAR_SECONDS), (START + 4 * YEAR_SECONDS, AS_OF))]
    assert build(frame, outages(), AS_OF).subjects["exposure_years"].tolist() == pytest.approx([1.0])


@pytest.mark.parametrize(
    "windows",
    [((START, np.nan),), ((START + DAY, START),), ((START, START + DAY), (START, AS_OF)), ((START,),), "soon", None],
)
def test_windows_that_are_no_spans_in_order_are_refused(windows):
    frame = subjects()
    frame["windows"] = [windows]
    with pytest.raises(InvalidData, match=r"subjects row 0, column windows is .*: must be pairs"):
        build(frame, outages(), AS_OF)


def test_unusable_rows_and_what_begins_after_the_date_of_the_fit_do_not_exist():
    history = outages(("a", DAY, HOUR, HOUR, False), ("a", 11 * YEAR_SECONDS, HOUR, HOUR))
    seen = build(subjects(), history, AS_OF)
    assert seen.subjects.at["a", "halts"] == 0
    assert seen.durations.empty
    assert np.isnan(seen.subjects.at["a", "last_halt"])


def test_reports_within_the_gap_are_one_halt_that_lasts_their_sum():
    history = outages(("a", 0.0, HOUR, HOUR), ("a", 40 * HOUR, HOUR, 2 * HOUR), ("a", 95 * HOUR, HOUR, HOUR))
    seen = build(subjects(), history, AS_OF)
    assert seen.subjects.at["a", "halts"] == 2
    first = seen.durations.iloc[0]
    assert (first["low"], first["high"], first["status"]) == (2 * HOUR, 3 * HOUR, "interval")


def test_the_gap_runs_from_the_known_end_of_the_halt_before():
    history = outages(("a", 0.0, 100 * HOUR, 100 * HOUR), ("a", 120 * HOUR, HOUR, HOUR))
    assert build(subjects(), history, AS_OF).subjects.at["a", "halts"] == 1


def test_halts_of_two_subjects_never_merge():
    frame = subjects(("a", "l1", START, AS_OF, True), ("b", "l2", START, AS_OF, True))
    history = outages(("a", 0.0, HOUR, HOUR), ("b", HOUR, HOUR, HOUR))
    assert build(frame, history, AS_OF).subjects["halts"].tolist() == [1, 1]


def test_a_gap_of_zero_keeps_every_report_apart():
    history = outages(("a", 0.0, HOUR, HOUR), ("a", 2 * HOUR, HOUR, HOUR))
    assert build(subjects(), history, AS_OF, merge_gap_seconds=0).subjects.at["a", "halts"] == 2


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [
        (HOUR, HOUR, "exact"),
        (HOUR, DAY, "interval"),
        (np.nan, DAY, "interval"),
        (HOUR, np.nan, "right"),
        (HOUR, np.inf, "right"),
        (np.nan, np.nan, "missing"),
        (0.0, np.inf, "missing"),
    ],
)
def test_what_is_known_of_a_length_has_a_status(low, high, status):
    assert build(subjects(), outages(("a", DAY, low, high)), AS_OF).durations["status"].tolist() == [status]


def test_a_merged_halt_with_a_part_of_unknown_length_lasted_at_least_the_rest():
    history = outages(("a", 0.0, HOUR, HOUR), ("a", 3 * HOUR, np.nan, np.nan))
    row = build(subjects(), history, AS_OF).durations.iloc[0]
    assert (row["low"], row["high"], row["status"]) == (HOUR, np.inf, "right")


def test_a_subject_that_is_not_listed_gives_a_length_and_no_count():
    seen = build(subjects(), outages(("z", DAY, HOUR, HOUR)), AS_OF)
    assert seen.durations["kind"].tolist() == ["unlisted"]
    assert seen.subjects["halts"].sum() == 0


def test_the_table_shows_the_raw_rate_with_exact_limits_and_counts_of_lengths():
    table = build(subjects(), outages(("a", DAY, HOUR, HOUR), ("a", 90 * DAY, HOUR, np.nan)), AS_OF).table()
    row = table.loc["a"]
    assert row["rate"] == pytest.approx(0.2)
    low, high = garwood_interval(2, 0.9)
    assert (row["rate_low"], row["rate_high"]) == pytest.approx((low / 10, high / 10))
    assert (row["durations_exact"], row["durations_right"], row["durations_missing"]) == (1, 1, 0)


def test_the_order_of_the_rows_does_not_matter():
    history = outages(("a", 0.0, HOUR, HOUR), ("a", 40 * HOUR, HOUR, HOUR), ("a", 95 * HOUR, HOUR, HOUR))
    forward, backward = (build(subjects(), rows, AS_OF) for rows in (history, history.iloc[::-1]))
    pd.testing.assert_frame_equal(forward.durations, backward.durations)


# Garwood, Biometrika 28 (1936), 95% limits
@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 3.68888), (1, 0.02532, 5.57164), (10, 4.79539, 18.39036)])
def test_garwood_limits_are_the_published_ones(count, low, high):
    assert garwood_interval(count, 0.95) == pytest.approx((low, high), abs=5e-6)


def test_bad_tables_are_refused_by_column_row_and_what_would_be_right():
    with pytest.raises(InvalidData, match="subjects lacks kind"):
        build(subjects().drop(columns="kind"), outages(), AS_OF)
    with pytest.raises(InvalidData, match="subjects row 1, column subject_id is 'a': must occur once"):
        build(subjects(*[("a", "l1", START, AS_OF, True)] * 2), outages(), AS_OF)
    with pytest.raises(InvalidData, match="subjects row 0, column observed_from is nan"):
        build(subjects(("a", "l1", np.nan, AS_OF, True)), outages(), AS_OF)
    with pytest.raises(InvalidData, match="subjects row 0, column observed_to is 'soon': must be a number"):
        build(subjects(("a", "l1", START, "soon", True)), outages(), AS_OF)
    with pytest.raises(InvalidData, match=r"row 0, column observed_to is 5.0: .* observed_from of 'a', which is 9.0"):
        build(subjects(("a", "l1", 9.0, 5.0, True)), outages(), AS_OF)
    with pytest.raises(InvalidData, match="outages row 0, column start is nan"):
        build(subjects(), outages(("a", np.nan, HOUR, HOUR)), AS_OF)
    with pytest.raises(InvalidData, match=r"outages row 1, column low_seconds is -1\.0"):
        build(subjects(), outages(("a", 0.0, HOUR, HOUR), ("a", DAY, -1.0, HOUR)), AS_OF)
    with pytest.raises(InvalidData, match=r"outages row 0, column high_seconds is 10\.0"):
        build(subjects(), outages(("a", 0.0, 20.0, 10.0)), AS_OF)
    with pytest.raises(InvalidData, match="merge_gap_seconds is -1"):
        build(subjects(), outages(), AS_OF, merge_gap_seconds=-1)


@pytest.mark.parametrize(
    "cell", ["soon", ((START, "soon"),), (("1", "2"),), ((START, None),), ((START,),), ((3.0, 1.0),)]
)
def test_windows_that_are_none_are_refused_by_row_and_value(cell):
    frame = subjects()
    frame["windows"] = pd.Series([cell], dtype=object)
    with pytest.raises(InvalidData, match=r"subjects row 0, column windows is .*: must be pairs of epoch seconds"):
        build(frame, outages(), AS_OF)


def test_a_halt_for_good_has_no_length_whatever_its_bounds_say():
    history = outages(("a", 0.0, 60.0, 90.0), ("a", 30 * DAY, HOUR, np.inf), ("a", 60 * DAY, 60.0, 60.0))
    history.loc[1, "ended"] = "permanent"
    status = build(subjects(), history, AS_OF).durations["status"]
    assert status.tolist() == ["interval", "permanent", "exact"]


def test_a_halt_counts_that_began_while_its_subject_was_watched_as_a_member():
    frame = subjects(("a", "l1", START, START + 99 * DAY, True), ("b", "l1", START, AS_OF, False))
    history = outages(
        ("a", DAY, 60.0, 60.0), ("a", 200 * DAY, 60.0, 60.0), ("b", DAY, 60.0, 60.0), ("x", DAY, 9.0, 9.0)
    )
    seen = build(frame, history, AS_OF).durations
    assert seen["subject_id"].tolist() == ["a", "a", "b", "x"]
    assert seen["counted"].tolist() == [True, False, False, False]


def short_sighted(*rows, floor=HOUR):
    """The table of subjects, of which a source sees nothing below a floor."""
    return subjects(*rows).assign(floor_seconds=floor)


def test_what_is_shorter_than_its_source_can_see_is_left_out_and_told_of():
    """Nobody would have told of all such halts, so the one that somebody told of is no evidence of their number."""
    history = outages(("a", DAY, 60.0, HOUR), ("a", 30 * DAY, 60.0, 2 * HOUR), ("a", 60 * DAY, np.nan, np.nan))
    seen = build(short_sighted(), history, AS_OF)
    assert seen.subjects.at["a", "halts"] == 2
    assert seen.durations["floor"].tolist() == [HOUR, HOUR]
    assert account(seen).left_out == {SHORT: {"unknown": 1}}
    assert account(seen).floors == {HOUR: 1}


def test_quiet_years_tell_of_the_halts_beyond_the_floor_alone():
    frame = short_sighted(("a", "l1", START, AS_OF, True), ("b", "l2", START, AS_OF, True), floor=[HOUR, 0.0])
    seen = with_detection(build(frame, outages(), AS_OF), lambda *_: lambda x: np.exp(-x / HOUR))
    assert seen.subjects["detected"].tolist() == pytest.approx([np.exp(-1.0), 1.0])
    everything = build(subjects(), outages(), AS_OF)
    assert with_detection(everything, lambda *_: np.exp) is everything


@pytest.mark.parametrize("floor", [-1.0, np.nan, DAY])
def test_a_floor_that_no_source_has_is_refused(floor):
    with pytest.raises(InvalidData, match=r"column floor_seconds is .*: must be at least 0 and below a day"):
        build(short_sighted(floor=floor), outages(), AS_OF)


def test_the_account_has_every_row_in_one_place():
    """Planned stops and other perils out by their reason, reports merged, permanent ends apart."""
    frame = subjects(("a", "l1", START, START + YEAR_SECONDS, True), ("b", "l2", START, AS_OF, False))
    history = outages(
        ("a", DAY, HOUR, HOUR),
        ("a", DAY + 6 * HOUR, HOUR, HOUR),
        ("a", 20 * DAY, HOUR, HOUR, False),
        ("a", 2 * YEAR_SECONDS, HOUR, np.inf),
        ("b", DAY, HOUR, DAY),
        ("z", DAY, np.nan, np.nan),
        ("b", 11 * YEAR_SECONDS, HOUR, HOUR),
    )
    history["peril"] = ["bug", "bug", "other", "bug", "spam", "spam", "spam"]
    history["unusable_reason"] = ["", "", "planned stop", "", "", "", ""]
    history.loc[3, "ended"] = "permanent"
    found = account(build(frame, history, AS_OF))
    assert found.rows == 7
    assert found.left_out == {"planned stop": {"other": 1}, LATER: {"spam": 1}}
    assert found.counted == {"bug": 3, "spam": 2}
    assert (found.merge_gap_seconds, found.halts) == (48 * HOUR, 4)
    assert (found.in_rates, found.unwatched, found.outside, found.unlisted) == (1, 1, 1, 1)
    assert found.lengths == {"exact": 1, "interval": 1, "right": 0, "permanent": 1, "missing": 1}
    own = account(build(frame, history, AS_OF), "b")
    assert (own.rows, own.counted, own.halts, own.unwatched) == (2, {"spam": 1}, 1, 1)
    with pytest.raises(UnknownSubject, match="subject 'z' is not in the fit"):
        account(build(frame, history, AS_OF), "z")


@pytest.mark.parametrize("as_of", [np.nan, np.inf])
def test_a_day_of_the_fit_that_is_no_time_is_refused(as_of):
    with pytest.raises(InvalidData, match=r"as_of is .*: must be a finite number of epoch seconds"):
        build(subjects(), outages(), as_of)
