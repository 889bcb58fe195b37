"""What `pricing_models.cells` promises: exposure and halts in quarters, none lost and none twice."""

import numpy as np
import pandas as pd
import pytest

from pricing_models import experience
from pricing_models.cells import cut, of_universe, quarter_starts, year_start
from pricing_models.errors import InvalidData
from tests.simulated_history import history

DAY = 86400.0
AS_OF = year_start(2024)


def test_quarters_begin_in_january_april_july_and_october():
    starts = quarter_starts(year_start(2020) + 100 * DAY, year_start(2021) + 1)
    assert [str(pd.Timestamp(s, unit="s").date()) for s in starts] == [
        "2020-04-01",
        "2020-07-01",
        "2020-10-01",
        "2021-01-01",
    ]
    assert quarter_starts(year_start(2020), year_start(2020)) == []


def test_the_cells_of_a_subject_add_up_to_its_exposure_and_its_halts():
    subjects, outages = history(1, 15)
    subjects.loc[3, "observed_from"] += 45.5 * DAY
    subjects.loc[4, "observed_to"] -= 200 * DAY
    known = experience.build(subjects, outages, AS_OF)
    sums = cut(subjects, known).groupby("subject_id")[["years", "halts"]].sum()
    whole = known.subjects.loc[sums.index]
    assert sums["years"].to_numpy() == pytest.approx(whole["exposure_years"].to_numpy(), rel=1e-12)
    assert (sums["halts"] == whole["halts"]).all()
    assert whole["halts"].sum() > 10


def test_time_between_two_windows_is_in_no_cell():
    begin = year_start(2020)
    february, august, november = begin + 31 * DAY, begin + 213 * DAY, begin + 305 * DAY
    subjects = pd.DataFrame(
        {
            "subject_id": ["a"],
            "kind": "l1",
            "launch": begin,
            "observed_from": begin,
            "observed_to": year_start(2021),
            "in_universe": True,
            "windows": [((begin, february), (august, november))],
        }
    )
    times = (begin + DAY, february + DAY, august + DAY)
    rows = [("a", f"e{time}", time, "minute", 60.0, 60.0, True, "resumed") for time in times]
    columns = ["subject_id", "event_id", "start", "start_precision", "low_seconds", "high_seconds", "usable", "ended"]
    cells = cut(subjects, experience.build(subjects, pd.DataFrame(rows, columns=columns), AS_OF))
    assert [str(pd.Timestamp(start, unit="s").date()) for start in cells["start"]] == [
        "2020-01-01",
        "2020-07-01",
        "2020-10-01",
    ]
    assert cells["halts"].tolist() == [1, 1, 0]
    assert (cells["years"] * 365.25).tolist() == pytest.approx([31, 61, 31])
    assert (cells["age"] * 365.25).tolist() == pytest.approx([15.5, 243.5, 289.5])


def test_two_windows_in_one_quarter_are_one_cell_of_the_age_at_their_middle():
    begin = year_start(2020)
    subjects, outages = history(1, 1)
    subjects = subjects.assign(observed_from=begin, observed_to=begin + 91 * DAY, launch=begin)
    subjects["windows"] = [((begin, begin + 30 * DAY), (begin + 60 * DAY, begin + 70 * DAY))]
    (cell,) = cut(subjects, experience.build(subjects, outages, AS_OF)).to_dict("records")
    assert cell["years"] * 365.25 == pytest.approx(40)
    assert cell["age"] * 365.25 == pytest.approx((30 * 15 + 10 * 65) / 40)


def test_age_is_that_at_the_middle_of_a_cell_and_recent_looks_back_ninety_days():
    begin = year_start(2020)
    subjects = pd.DataFrame(
        [("a", "l1", begin - 365.25 * DAY, begin, year_start(2021), True)],
        columns=["subject_id", "kind", "launch", "observed_from", "observed_to", "in_universe"],
    )
    rows = [("a", "e1", begin + 80 * DAY, "minute", 60.0, 60.0, True, "resumed")]
    columns = ["subject_id", "event_id", "start", "start_precision", "low_seconds", "high_seconds", "usable", "ended"]
    cells = cut(subjects, experience.build(subjects, pd.DataFrame(rows, columns=columns), AS_OF))
    assert cells["halts"].tolist() == [1, 0, 0, 0]
    assert cells["recent"].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert cells["age"].iloc[0] == pytest.approx(1.0 + 45.5 / 365.25)


def test_an_unknown_launch_leaves_the_age_unknown():
    subjects, outages = history(1, 3)
    known = experience.build(subjects.drop(columns="launch"), outages, AS_OF)
    assert np.isnan(cut(subjects, known)["age"]).all()


def test_without_a_member_of_the_universe_there_is_nothing_to_forecast():
    subjects, outages = history(1, 3)
    subjects["in_universe"] = False
    known = experience.build(subjects, outages, AS_OF)
    with pytest.raises(InvalidData, match="none is in the universe"):
        of_universe(cut(subjects, known), known)
