"""Data that hold next to nothing give an answer or a clear error, never nan."""

import numpy as np
import pandas as pd
import pytest

from pricing_models.cells import year_start
from pricing_models.errors import InvalidData
from pricing_models.model import Model, fit
from pricing_models.payoff import Semantics, Terms
from tests.simulated_history import history

DAY = 86_400
AS_OF = year_start(2024)
TERMS = Terms(3600, Semantics.RETENTION, 1_000, 3_000_000, 43_200_000, 86_400_000)
SUBJECTS, OUTAGES = history(31, 12)


def figures(model: Model) -> list[float]:
    """Every number of a price on every subject, and of one without history."""
    found: list[float] = []
    for subject in [*SUBJECTS["subject_id"].head(3), "newborn"]:
        premium = model.price(subject, TERMS, 90 * DAY, kind="l1")
        found += premium.breakdown.values()
        found += [*premium.totals.values(), *(premium.expected_interval or ()), premium.loss.mean, premium.loss.sd]
        assert premium.total >= premium.loss.mean
    return found


def one(low: float, high: float) -> pd.DataFrame:
    return OUTAGES.head(1).assign(low_seconds=low, high_seconds=high)


@pytest.mark.parametrize(
    ("subjects", "outages"),
    [
        (SUBJECTS.head(1), OUTAGES[OUTAGES["subject_id"] == "s000"]),
        (SUBJECTS, one(7200.0, 7200.0)),
        (SUBJECTS, one(1.0, 1.0)),
        (SUBJECTS, one(0.0, 9e8)),
        (SUBJECTS, pd.concat([one(7200.0, 7200.0)] * 40, ignore_index=True)),
        (SUBJECTS, OUTAGES.assign(low_seconds=7261.0, high_seconds=7261.0)),
        (SUBJECTS, OUTAGES.assign(ended=["permanent"] * (len(OUTAGES) - 1) + ["resumed"])),
        (SUBJECTS.assign(launch=np.nan), OUTAGES),
        (SUBJECTS.assign(launch=AS_OF), OUTAGES),
        (SUBJECTS.assign(observed_from=SUBJECTS["observed_to"] - 1.0), OUTAGES),
        (SUBJECTS.assign(kind="kind nobody knows"), OUTAGES),
    ],
    ids=[
        "one subject",
        "one halt",
        "a halt of a second",
        "a halt of which nothing but decades is known",
        "the same halt forty times",
        "all halts alike",
        "all but one for good",
        "no launch known",
        "all launched today",
        "watched for a second",
        "an unknown kind",
    ],
)
def test_an_answer_in_finite_numbers(subjects: pd.DataFrame, outages: pd.DataFrame) -> None:
    assert np.isfinite(figures(fit(subjects, outages, AS_OF))).all()


@pytest.mark.parametrize(
    ("subjects", "outages", "message"),
    [
        (SUBJECTS, OUTAGES.iloc[:0], "no usable row has an upper bound"),
        (SUBJECTS, OUTAGES.assign(high_seconds=np.inf), "no usable row has an upper bound"),
        (SUBJECTS.iloc[:0], OUTAGES, "none is in the universe with a positive exposure"),
        (SUBJECTS.assign(in_universe=False), OUTAGES, "none is in the universe with a positive exposure"),
        (SUBJECTS, OUTAGES.assign(start=np.nan), r"outages row 0, column start is nan: must be a finite number"),
        (SUBJECTS, OUTAGES.assign(low_seconds=-1.0), r"column low_seconds is -1\.0: must be finite and at least 0"),
        (SUBJECTS, OUTAGES.assign(low_seconds="long"), r"column low_seconds is 'long': must be a number"),
        (SUBJECTS.assign(observed_from=np.nan), OUTAGES, "column observed_from is nan"),
        (SUBJECTS.drop(columns="kind"), OUTAGES, "subjects lacks kind"),
        (pd.concat([SUBJECTS, SUBJECTS]), OUTAGES, "column subject_id is 's000': must occur once"),
    ],
)
def test_a_clear_error(subjects: pd.DataFrame, outages: pd.DataFrame, message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        fit(subjects, outages, AS_OF)
