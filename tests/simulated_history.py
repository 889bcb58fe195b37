"""Histories of outages drawn from the models themselves, whose truth is therefore known."""

import numpy as np
import pandas as pd

from pricing_models.cells import year_start
from pricing_models.covariates import log_age
from pricing_models.experience import YEAR_SECONDS

Tables = tuple[pd.DataFrame, pd.DataFrame]


def history(
    seed: int,
    subjects: int,
    years: int = 5,
    mean: float = 0.5,
    shape: float = 1.0,
    age_exponent: float = 0.0,
    kind: str = "l1",
) -> Tables:
    """(subjects, outages) of chains launched through the four years before 2019 and watched for `years` from then on.

    Rates are Gamma(shape, mean), times the age's power; lengths are lognormal of median 4 h and known exactly.
    """
    rng = np.random.default_rng(seed)
    begin, end = year_start(2019), year_start(2019 + years)
    launch = begin - rng.uniform(0.0, 4.0, subjects) * YEAR_SECONDS
    table = pd.DataFrame(
        {
            "subject_id": [f"s{i:03d}" for i in range(subjects)],
            "kind": kind,
            "launch": launch,
            "observed_from": begin,
            "observed_to": end,
            "in_universe": True,
        }
    )
    rows = []
    for i, rate in enumerate(rng.gamma(shape, mean / shape, subjects)):
        days = np.arange(begin, end, 86400.0)
        factor = np.exp(age_exponent * log_age((days - launch[i]) / YEAR_SECONDS))
        for day in days[rng.uniform(size=days.size) < rate * factor / 365.25]:
            length = float(np.ceil(np.exp(rng.normal(np.log(14_400), 1.4))))
            rows.append((f"s{i:03d}", f"e{len(rows)}", day, "minute", length, length, True, "resumed"))
    columns = ["subject_id", "event_id", "start", "start_precision", "low_seconds", "high_seconds", "usable", "ended"]
    return table, pd.DataFrame(rows, columns=columns)
