"""The whole look back as one table of plain values: what a reader needs to judge the prices, good or bad.

The rule: of the models whose every covariate has won more than its standard error, years and quarters ahead, ship the
simplest within one standard error of the best by total log score, years ahead; where another has become that, it is
said. So for the laws of lengths, on the halts that the rates count. The choice is made on the same years that are
shown, so the shipped model's lead is a little flattered.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from pricing_models import book, calibration, credibility, diagnostics, length_scores
from pricing_models.candidates import BASELINE, CANDIDATES, SHIPPED, Candidate
from pricing_models.cells import cut, of_universe
from pricing_models.diagnostics import Forecasts, Window
from pricing_models.errors import InvalidData
from pricing_models.length_candidates import LENGTH_BASELINE, LENGTH_SHIPPED
from pricing_models.model import Model, ModelSettings

COVARIATES = {
    "age": (("one_group", SHIPPED), ("one_group", "one_group_age_power")),
    "recent halt": (("one_group", "one_group_recent_halt"), (SHIPPED, "one_group_age_bands_recent_halt")),
    "forgetting": (
        ("one_group", "one_group_forgetting"),
        ("one_group_age_power", "one_group_age_power_forgetting"),
        (SHIPPED, "one_group_age_bands_forgetting"),
    ),
    "kind": (("one_group", "by_kind"), (SHIPPED, "by_kind_age_bands")),
}
"""Per question pairs of models: without and with."""
SIMULATED_HISTORIES = 100
"""For each fit: `make calibrate` takes more."""
_UNLIKELY = 0.01


def report(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    model: Model,
    settings: ModelSettings | None = None,
    simulated_histories: int = SIMULATED_HISTORIES,
) -> dict[str, Any]:
    """Everything of `insure model backtest` that the data decide, and the calibration of the fits in so many simulated
    histories; figures rounded to six digits.

    Raises `InvalidData` when there is too little history to look back.
    """
    settings = settings or ModelSettings()
    windows: tuple[Window, ...] = ("year", "quarter")
    gap = settings.merge_gap_seconds
    forecasts = {
        each: diagnostics.roll(subjects, outages, as_of, each, merge_gap_seconds=gap, lengths=settings.duration)
        for each in windows
    }
    years = sorted({int(first[:4]) for first in forecasts["year"].scores["window"]})
    policies = book.replay(subjects, outages, as_of, years, settings=settings)
    covariates = {name: covariate_section(each) for name, each in forecasts.items()}
    lengths = lengths_section(length_scores.roll(subjects, outages, as_of, merge_gap_seconds=gap))
    simulated = calibration.study(model.duration.chosen, simulated_histories)
    chosen = by_rule(forecasts["year"], covariates.values())
    result = {
        "baseline": BASELINE,
        "shipped": SHIPPED,
        "simplest_within_one_se_of_best": chosen,
        "shipped_is_the_simplest_within_one_se": chosen == SHIPPED,
        "age": asdict(model.age),
        "frequency": {name: frequency_section(each) for name, each in forecasts.items()},
        "covariates": covariates,
        "book": book_section(policies),
        "credibility": credibility_section(subjects, model),
        "lengths": lengths,
        "calibration": simulated,
        "unflattering": [
            *unflattering(forecasts["year"], policies, chosen, covariates["year"]),
            *of_lengths(lengths),
            *_uncalibrated(simulated),
        ],
    }
    return _plain(result)  # type: ignore[no-any-return]


def frequency_section(forecasts: Forecasts, candidates: Sequence[Candidate] = CANDIDATES) -> dict[str, Any]:
    """Comparison over all subjects and per group; of the shipped model also windows, calibration and spread."""
    scores = forecasts.scores
    own = scores[scores["candidate"] == SHIPPED]
    shares, p_value = diagnostics.pit_histogram(own["below"].to_numpy(), own["mass"].to_numpy())
    totals = forecasts.totals[forecasts.totals["candidate"] == SHIPPED].drop(columns="candidate")
    inside = (totals["halts"] >= totals["low"]) & (totals["halts"] <= totals["high"])
    groups = {str(name): Forecasts(part, forecasts.totals) for name, part in scores.groupby("group")}
    tables = {"all": forecasts, **groups}
    return {
        "candidates": {
            name: diagnostics.compare(each, candidates).to_dict("index") for name, each in sorted(tables.items())
        },
        "pit": {"shares": shares.tolist(), "p_value": p_value},
        "totals": totals.to_dict("records"),
        "totals_coverage_90": float(inside.mean()),
        "spread": diagnostics.spread(forecasts, SHIPPED).to_dict("records"),
    }


def lengths_section(scores: pd.DataFrame) -> dict[str, Any]:
    """Comparison of the laws of lengths, years ahead, which of them the rule would ship; of the shipped one calibration
    and what one halt was expected to be paid and was, by year, in whole asset units."""
    comparison = length_scores.compare(scores)
    own = scores[(scores["candidate"] == LENGTH_SHIPPED) & scores["counted"].astype(bool)]
    shares, p_value = diagnostics.pit_histogram(own["below"].to_numpy(), own["mass"].to_numpy())
    money = own.groupby("window")[["expected", *(f"paid_{name}" for name in book.TREATMENTS)]].mean() / book.UNIT
    by_year = money.assign(halts=own.groupby("window").size()).rename(index=lambda first: str(first)[:4])
    return {
        "baseline": LENGTH_BASELINE,
        "shipped": LENGTH_SHIPPED,
        "simplest_within_one_se_of_best": diagnostics.simplest_close(comparison),
        "candidates": comparison.to_dict("index"),
        "pit": {"shares": shares.tolist(), "p_value": p_value},
        "by_year": by_year.to_dict("index"),
    }


def by_rule(forecasts: Forecasts, judged: Collection[Mapping[str, Any]]) -> str:
    """The model that the rule ships, given the covariates as they were judged at each horizon."""
    earned = {
        name: all(each[f"{question}: {name}"]["earns_its_place"] for each in judged)
        for question, pairs in COVARIATES.items()
        for _, name in pairs
    }
    kept = [each for each in CANDIDATES if earned.get(each.name, True)]  # the baseline has no covariate to earn
    return diagnostics.simplest_close(diagnostics.compare(forecasts, kept))


def covariate_section(forecasts: Forecasts) -> dict[str, Any]:
    """Per covariate: log score won by adding it, the s.e. of that, and whether it is more than one s.e. above none."""
    by_chain = forecasts.scores.pivot_table("log_score", "subject_id", "candidate", "sum")
    result: dict[str, Any] = {}
    for question, pairs in COVARIATES.items():
        for without, name in pairs:
            won = by_chain[name] - by_chain[without]
            se, low, high = diagnostics.chain_bootstrap(won)
            entry = {"without": without, "won": float(won.sum()), "se": se, "low": low, "high": high}
            result[f"{question}: {name}"] = entry | {"earns_its_place": bool(won.sum() > se)}
    return result


def credibility_section(subjects: pd.DataFrame, model: Model) -> dict[str, Any]:
    """Per group the mean weight of own history by the model and by Bühlmann and Straub's moments, a second opinion."""
    cells = of_universe(cut(subjects, model.experience), model.experience)
    result: dict[str, Any] = {}
    for group, part in cells.groupby("group"):
        names = sorted(part["subject_id"].unique())
        try:
            moments = credibility.of_halts(part)
        except InvalidData:
            continue  # a group of one subject or one year has no moments to compare
        by_model = [model.rate(str(name)).credibility for name in names]
        result[str(group)] = {
            "by_model": float(np.mean(by_model)),
            "by_moments": float(moments.factors.mean()),
            "collective": moments.collective,
            "within": moments.within,
            "between": moments.between,
        }
    return result


def book_section(policies: pd.DataFrame) -> dict[str, Any]:
    """The synthetic book by year and in all, amounts in whole asset units."""
    table = book.adequacy(policies)
    money = ["expected", "sd", "premium", *(f"paid_{name}" for name in book.TREATMENTS)]
    table[money] = table[money] / book.UNIT
    gaps = {}
    for name in book.TREATMENTS:
        total, low, high = (value / book.UNIT for value in book.shortfall(policies, name))
        gaps[name] = {"paid_less_expected": total, "low": low, "high": high}
    factors = {
        name: {"factor": value, "low": low, "high": high} for name, (value, low, high) in book.factors(policies).items()
    }
    return {"by_year": table.to_dict("index"), "paid_less_expected": gaps, "expected_over_paid": factors}


def unflattering(forecasts: Forecasts, policies: pd.DataFrame, chosen: str, covariates: Mapping[str, Any]) -> list[str]:
    """In words, what speaks against the shipped model, where the rule would have shipped `chosen`."""
    comparison = diagnostics.compare(forecasts)
    own: dict[Any, Any] = comparison.to_dict("index")[SHIPPED]
    said = []
    if chosen != SHIPPED:
        said.append(f"{chosen} is the simplest within one standard error of the best: by the rule it would ship.")
    if own["behind_best"] > 0:
        said.append(f"{comparison['gain'].astype(float).idxmax()} scores {own['behind_best']:.1f} nats better.")
    if own["gain_low"] <= 0:
        said.append("The lead over the pooled Poisson is not significant at 90%.")
    age = covariates[f"age: {SHIPPED}"]
    if age["low"] <= 0:
        said.append(f"Age won {age['won']:.1f} nats ± {age['se']:.1f}: its 90% interval includes zero.")
    gain = forecasts.scores.pivot_table("log_score", "subject_id", "candidate", "sum")
    top = (gain[SHIPPED] - gain[BASELINE]).sort_values(ascending=False).head(3)
    share = f"{float(top.sum()):.1f} of {own['gain']:.1f} nats"
    said.append(f"Three chains ({', '.join(map(str, top.index))}) give {share} of the lead over the pooled Poisson.")
    ratio = own["expected"] / max(1, own["observed"])
    said.append(f"{own['expected']:.0f} halts were expected and {own['observed']} seen ({ratio:.2f} times).")
    last = diagnostics.spread(forecasts, SHIPPED).iloc[-1]
    said.append(f"Top fifth by expected rate: {last['expected']:.0f} expected, {last['observed']:.0f} seen.")
    table: dict[Any, Any] = book.adequacy(policies).to_dict("index")
    short = [year for year, row in table.items() if year != "all" and row["paid_base"] > row["premium"]]
    if short:
        said.append(f"The synthetic book paid more than its premiums in {', '.join(short)}.")
    said += _of_the_book(policies, table["all"])
    said.append(_by_factor(policies))
    low, high = (table["all"][f"paid_{name}"] / table["all"]["expected"] for name in ("low", "high"))
    said.append(f"Unknown ends move what the book paid from {low:.2f} to {high:.2f} times what was expected.")
    said.append("Reports found later and membership known today are used at every origin: hindsight is not removed.")
    return said


def _of_the_book(policies: pd.DataFrame, whole: Mapping[Any, Any]) -> list[str]:
    """In words, whether what the synthetic book was paid is too far from what was expected to be chance."""
    ends = {name: book.shortfall(policies, name)[1:] for name in book.TREATMENTS}
    ratio = f"{whole['expected'] / max(1.0, whole['paid_base']):.2f} times what it paid"
    said = []
    for words, outside in (
        ("less", [high < 0.0 for _, high in ends.values()]),
        ("more", [low > 0 for low, _ in ends.values()]),
    ):
        if any(outside):
            said.append(
                f"The synthetic book was expected to be paid {ratio}; it was paid {words} than expected with 90% "
                f"confidence under {sum(outside)} of {len(outside)} readings of the unknown ends."
            )
    premiums = whole["premium"] / max(1.0, whole["paid_base"])
    said.append(f"Its premiums were {premiums:.1f} times what it paid.")
    return said


def _by_factor(policies: pd.DataFrame) -> str:
    """In words, which of count, length and limits what was expected of the synthetic book differs by."""
    parts = [
        f"{name} {each:.2f} ({low:.2f} to {high:.2f})" for name, (each, low, high) in book.factors(policies).items()
    ]
    return f"What it was expected to be paid over what it was, by factor with 90% interval: {', '.join(parts)}."


def of_lengths(section: Mapping[str, Any]) -> list[str]:
    """In words, what speaks against the shipped law of lengths."""
    chosen, own = section["simplest_within_one_se_of_best"], section["candidates"][section["shipped"]]
    said = []
    if chosen != section["shipped"]:
        said.append(f"Lengths: {chosen} is the simplest within one standard error of the best: it would ship.")
    if own["gain_low"] <= 0:
        won = f"{own['gain']:.1f} nats ± {own['gain_se']:.1f}"
        said.append(f"Lengths: the law won {won} over one law for all halts: its 90% interval includes zero.")
    inside = ", ".join(f"{own[f'coverage_{level}']:.0%} inside {level}%" for level in ("50", "80", "90"))
    p_value = section["pit"]["p_value"]
    verdict = "no chance" if p_value < _UNLIKELY else "chance would do"
    said.append(f"Lengths of {own['halts']} halts in their central intervals: {inside} (p = {p_value:.2g}: {verdict}).")
    ends = f"{own['expected_over_paid_high']:.2f} to {own['expected_over_paid_low']:.2f} by unknown ends"
    chance = f"{own['expected_over_paid_5']:.2f} to {own['expected_over_paid_95']:.2f} by chance at 90%"
    said.append(
        f"One halt was expected to be paid {own['expected_over_paid']:.2f} times what it was ({ends}, {chance})."
    )
    return said


def _uncalibrated(simulated: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In words, which fits do not find what simulated histories were made from."""
    return [
        f"Calibration: the {fit}' {name} is not found in simulated histories (p = {p_value:.1g})."
        for fit, each in simulated.items()
        for name, p_value in each["p_values"].items()
        if p_value < _UNLIKELY
    ]


def _plain(value: Any) -> Any:
    """The value as JSON takes it: floats of six digits (none for what is not finite), no numpy types."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else None
    return value
