"""Prices under every reading of what the history leaves open: who was watched, and how long the unknown halts lasted.

Neither can be decided from the data, so the price is shown under each combination. The base is what is sold. Nor can
it be decided what is one halt: rates are fitted to reports merged at two days, at which the gaps between halts look
like chance, while a contract takes spells for one incident only within its own gap, half an hour. With that gap there
are more and shorter halts, each with a waiting period and a limit of its own, that come in clusters which the model of
the rates does not know. The price is shown with it too (`merged_at`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from pricing_models import duration, experience
from pricing_models.errors import InvalidData
from pricing_models.experience import YEAR_SECONDS
from pricing_models.frequency import ALL, GROUP_OF_KIND
from pricing_models.model import Model, fit, refit_rates
from pricing_models.premium import Loadings, Premium
from pricing_models.pricing import Enquiry, price_many
from pricing_models.windows import clip, seconds


class Exposure(StrEnum):
    """Whose quiet time is evidence."""

    ALL = "all"  # every member of the universe's, searched or not: too low a rate
    SEARCHED = "searched"  # that of members somebody searched: the base
    LISTED = "listed"  # also that of chains gathered for their outages: too high a rate


class Ends(StrEnum):
    """How long the halts lasted of which no length is known; the values are those of `DurationPrior.missing`."""

    LIKE_KNOWN = "drop"  # like the known ones: the base
    LONG = "pessimistic"  # at least the median of the known ones, and the universe's are as those of all told of


@dataclass(frozen=True)
class Treated:
    """One combination with its premium."""

    exposure: Exposure
    ends: Ends
    premium: Premium
    merge_gap_seconds: float


def treated_models(
    model: Model, subjects: pd.DataFrame, outages: pd.DataFrame, unsearched: Mapping[str, float]
) -> dict[tuple[Exposure, Ends], Model]:
    """The model under each combination, the base as it is. The tables are those it was fitted to; among the subjects'
    columns `member` says who is a member of the universe, watched or not, and `watched` whom anybody watched; both are
    `in_universe` where they are missing. `unsearched` are the chain-years of members that are not in the tables, by
    group."""
    rates = {
        Exposure.ALL: refit_rates(
            model, with_unsearched(_counting(subjects, "member"), unsearched, model.experience.as_of), outages
        ),
        Exposure.SEARCHED: model,
        Exposure.LISTED: refit_rates(model, _counting(subjects, "watched"), outages),
    }
    result: dict[tuple[Exposure, Ends], Model] = {}
    for ends in Ends:
        same = ends == model.settings.duration.missing
        settings = replace(model.settings.duration, missing=ends.value)
        lengths = model.duration if same else duration.fit(model.experience, settings)
        if ends is Ends.LONG and not same:
            lengths = lengths.of_all_told()
        for exposure, rated in rates.items():
            result[exposure, ends] = replace(rated, duration=lengths)
    return result


def merged_at(model: Model, subjects: pd.DataFrame, outages: pd.DataFrame, gap_seconds: float) -> Model:
    """The model with reports merged within another gap, rates and lengths fitted anew; raises `InvalidData`."""
    settings = replace(model.settings, merge_gap_seconds=gap_seconds)
    return fit(subjects, outages, model.experience.as_of, settings, model.overrides.values())


def price_all(
    models: Mapping[tuple[Exposure, Ends], Model],
    enquiry: Enquiry,
    loadings: Loadings | None = None,
    others: Iterable[Model] = (),
) -> list[Treated]:
    """The premium under each combination, and of the base under `others` (`merged_at`), cheapest first; raises as
    `price_many`."""
    base = Exposure.SEARCHED, Ends.LIKE_KNOWN
    each_model = [*models.items(), *((base, model) for model in others)]
    found = [
        Treated(*reading, price_many(model, [enquiry], loadings)[0], model.settings.merge_gap_seconds)
        for reading, model in each_model
    ]
    return sorted(found, key=lambda each: each.premium.total)


def with_unsearched(subjects: pd.DataFrame, years: Mapping[str, float], as_of: float) -> pd.DataFrame:
    """The subjects and, per group, quiet members that together were there for `years`, each as long as the group's
    searched members on average. Raises `InvalidData` when a number of years is negative or not finite."""
    checked, _ = experience.tables(subjects, _no_outages())
    members = checked[checked["in_universe"].astype(bool)]
    spans = members["windows"].map(lambda windows: seconds(clip(windows, -np.inf, as_of))) / YEAR_SECONDS
    groups = members["kind"].map(GROUP_OF_KIND).fillna(ALL)
    parts = [checked]
    for group, total in years.items():
        if not (np.isfinite(total) and total >= 0):
            raise InvalidData(f"unsearched years of {group} are {total}: must be finite and at least 0")
        own = spans[(groups == group) & (spans > 0)]
        if total == 0 or own.empty:
            continue
        count = max(1, round(total / float(own.mean())))
        begin = as_of - total / count * YEAR_SECONDS
        quiet = {
            "subject_id": [f"unsearched:{group}:{number}" for number in range(count)],
            "kind": (kind := str(members.loc[own.index[0], "kind"])),
            "operated": kind in experience.OPERATED_KINDS,
            "launch": np.nan,
            "floor_seconds": 0.0,
            "observed_from": begin,
            "observed_to": as_of,
            "in_universe": True,
            "windows": [((begin, as_of),)] * count,
        }
        parts.append(pd.DataFrame(quiet))
    return pd.concat(parts, ignore_index=True)


def _counting(subjects: pd.DataFrame, column: str) -> pd.DataFrame:
    """The subjects with those in the universe that a column marks."""
    return subjects.assign(in_universe=subjects[column].astype(bool)) if column in subjects else subjects


def _no_outages() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=object) for name in experience.OUTAGE_COLUMNS})
