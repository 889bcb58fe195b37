"""Experience, frequency and duration of one data set, bundled: what prices cover and what a quote names."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from pricing_models import __version__, duration, experience, frequency, observation, premium
from pricing_models.capacity import Utilisation
from pricing_models.cells import RECENT_SECONDS, cut, of_universe
from pricing_models.compound import LossDistribution, loss_distribution
from pricing_models.covariates import age_power, fit_covariates, log_age, operational_years
from pricing_models.duration import DurationFit, DurationPosterior, DurationPrior
from pricing_models.experience import (
    MERGE_GAP_SECONDS,
    YEAR_SECONDS,
    Experience,
)
from pricing_models.frequency import FrequencyFit, FrequencyPrior, RatePosterior, poisson_counts
from pricing_models.observation import STANDARD_TRIGGER, BasisRisk, Trigger
from pricing_models.payoff import Terms, expected_payout, most_owed
from pricing_models.premium import Circumstances, Loadings, Premium, Scenario, require_term

VERSION_DIGITS = 16


@dataclass(frozen=True)
class ModelSettings:
    """Every choice of the fit that is not data; `age`: whether the rate may fall with the subject's age."""

    merge_gap_seconds: float = MERGE_GAP_SECONDS
    frequency: FrequencyPrior = field(default_factory=FrequencyPrior)
    duration: DurationPrior = field(default_factory=DurationPrior)
    age: bool = True


@dataclass(frozen=True)
class Model:
    """A fit; `version` is the hash of its data, settings, code version and parameters.

    The rate of a subject falls with its age as (age + 1/4 year)^`age_exponent`; the fitted rates are those at the
    reference age of `covariates`.
    """

    experience: Experience
    age_exponent: float
    frequency: FrequencyFit
    duration: DurationFit
    settings: ModelSettings
    version: str

    def rate(self, subject_id: str, kind: str | None = None, ahead_seconds: float = 0.0) -> RatePosterior:
        """Posterior of the subject's yearly rate at the age it has `ahead_seconds` after the fit; `kind` prices a
        subject without history by its group."""
        return self.frequency.posterior(subject_id, kind).scaled(self.age_factor(subject_id, ahead_seconds))

    def age_factor(self, subject_id: str, ahead_seconds: float = 0.0) -> float:
        """The rate at the subject's age as a multiple of that at the reference age; 1 where its launch is unknown."""
        launch = self.experience.subjects["launch"].reindex([subject_id]).to_numpy(dtype=float)
        age = (self.experience.as_of + ahead_seconds - launch) / YEAR_SECONDS
        return float(np.exp(self.age_exponent * log_age(age)[0]))

    def length(self, subject_id: str, kind: str | None = None) -> DurationPosterior:
        """Predictive law of the length of the subject's next halt."""
        return self.duration.posterior(self.kind(subject_id) or kind or "")

    def kind(self, subject_id: str) -> str | None:
        """The subject's kind in the data, None when it is not there."""
        subjects = self.experience.subjects
        return str(subjects.at[subject_id, "kind"]) if subject_id in subjects.index else None

    def loss(
        self,
        subject_id: str,
        terms: Terms,
        term_seconds: int,
        failover_probability: float = 1.0,
        kind: str | None = None,
    ) -> LossDistribution:
        """Posterior-predictive distribution of the policy's payout over its term.

        The uncertain rate is shared by all halts of the term; the duration's parameters are averaged for each
        halt, which keeps the mean of a halt's payout and makes the tail of several halts a little thin.
        """
        years = premium.require_term(term_seconds) / YEAR_SECONDS
        counts = self.rate(subject_id, kind, term_seconds / 2).predictive(years)
        length = self.length(subject_id, kind)
        return loss_distribution(counts, terms, length.sf, length.tabulated_expectation, failover_probability)

    def price(
        self,
        subject_id: str,
        terms: Terms,
        term_seconds: int,
        loadings: Loadings | None = None,
        kind: str | None = None,
        marginal_capital: float = 0.0,
        trigger: Trigger | None = STANDARD_TRIGGER,
        utilisation: Utilisation | None = None,
    ) -> Premium:
        """The premium of a policy that begins at the fit's `as_of`.

        `utilisation` is where the pool stands, for the capacity charge. The basis-risk loading is what
        `trigger` would pay beside the outages; without one it is that of `loadings`.
        Raises `UnknownSubject` when the subject is not in the fit and `kind` is not given, `InvalidTerms`
        when the term or a loading can't be priced.
        """
        loadings = loadings or Loadings()
        years = premium.require_term(term_seconds) / YEAR_SECONDS
        rate = self.rate(subject_id, kind, term_seconds / 2)
        if trigger is not None:
            basis = self.basis_risk(subject_id, terms, term_seconds, loadings, kind, trigger)
            loadings = replace(loadings, basis_risk=observation.loading(basis))
        typical = rate.quantile(0.5) * years
        chances = {
            scenario: loadings.failover_probability.at(scenario) if terms.failover_benefit else 0.0
            for scenario in Scenario
        }
        by_chance = {
            chance: (
                self.loss(subject_id, terms, term_seconds, chance, kind),
                self._point_mean(subject_id, terms, typical, chance, kind),
            )
            for chance in set(chances.values())
        }
        low, high = (
            self._mean_at(subject_id, terms, point * years, chances[Scenario.BASE], kind)
            for point in rate.interval(0.9)
        )
        losses = {scenario: by_chance[chance] for scenario, chance in chances.items()}
        where = self._circumstances(subject_id, term_seconds, marginal_capital, kind)
        where = replace(where, utilisation=utilisation)
        return premium.price(losses, terms, term_seconds, loadings, where, (low, high))

    def basis_risk(
        self,
        subject_id: str,
        terms: Terms,
        term_seconds: int,
        loadings: Loadings | None = None,
        kind: str | None = None,
        trigger: Trigger = STANDARD_TRIGGER,
    ) -> dict[Scenario, BasisRisk]:
        """What the trigger pays beside the subject's outages, and leaves unpaid of them, under each judgement."""
        rate = self.rate(subject_id, kind, require_term(term_seconds) / 2).mean
        law = self.length(subject_id, kind)
        chance = (loadings or Loadings()).failover_probability
        return {
            scenario: observation.basis_risk(
                trigger, scenario, terms, law.sf, law.tabulated_expectation, rate, chance.at(scenario)
            )
            for scenario in Scenario
        }

    def summary(self) -> pd.DataFrame:
        """Per subject: kind, halts, exposure_years, rate_mean, rate_low, rate_high (90%, a year),
        credibility, median_seconds and p95_seconds of its next halt."""
        subjects = self.experience.subjects
        rows: dict[str, dict[str, Any]] = {}
        lengths = {kind: self.duration.posterior(kind) for kind in subjects["kind"].unique()}
        points = {kind: (law.quantile(0.5), law.quantile(0.95)) for kind, law in lengths.items()}
        columns = ["kind", "halts", "exposure_years"]
        for subject_id, kind, halts, years in subjects[columns].itertuples():
            rate = self.rate(str(subject_id))
            low, high = rate.interval(0.9)
            rows[str(subject_id)] = {
                "kind": kind,
                "halts": halts,
                "exposure_years": years,
                "rate_mean": rate.mean,
                "rate_low": low,
                "rate_high": high,
                "credibility": rate.credibility,
                "median_seconds": points[kind][0],
                "p95_seconds": points[kind][1],
            }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index.name = "subject_id"
        return frame

    def _mean_at(self, subject_id: str, terms: Terms, mean_count: float, chance: float, kind: str | None) -> float:
        """Expected payout at a known rate, durations still predictive."""
        law = self.length(subject_id, kind)
        counts = poisson_counts(mean_count)
        return loss_distribution(counts, terms, law.sf, law.tabulated_expectation, chance).mean

    def _point_mean(self, subject_id: str, terms: Terms, mean_count: float, chance: float, kind: str | None) -> float:
        """Expected payout at a known rate and the point estimate of the duration's parameters."""
        law = self.length(subject_id, kind).plug_in()
        counts = poisson_counts(mean_count)
        if most_owed(terms) * (counts.size - 1) <= terms.aggregate_limit:
            return mean_count * expected_payout(terms, law.sf, law.limited_expectation, chance)
        return loss_distribution(counts, terms, law.sf, law.tabulated_expectation, chance).mean

    def _circumstances(
        self, subject_id: str, term_seconds: int, marginal_capital: float, kind: str | None
    ) -> Circumstances:
        """How much of the term follows a halt closely, and whether one operator can stop it (a rollup)."""
        own = self.kind(subject_id) or kind or ""
        subjects = self.experience.subjects
        last = subjects["last_halt"].reindex([subject_id]).to_numpy(dtype=float)[0]
        recent = 0.0 if np.isnan(last) else max(0.0, float(last) + RECENT_SECONDS - self.experience.as_of)
        operated = frequency.GROUP_OF_KIND.get(own) == "rollup"
        return Circumstances(min(1.0, recent / term_seconds), operated, marginal_capital)


def fit(subjects: pd.DataFrame, outages: pd.DataFrame, as_of: float, settings: ModelSettings | None = None) -> Model:
    """Fit everything to the two tables (columns in `experience`) as known at `as_of` (epoch seconds).

    Raises `InvalidData` naming the column and the row at fault.
    """
    settings = settings or ModelSettings()
    subjects, outages = experience.tables(subjects, outages)
    known = experience.build(subjects, outages, as_of, settings.merge_gap_seconds)
    known, exponent = _aged(subjects, known, settings)
    rates = frequency.fit(known, settings.frequency)
    lengths = duration.fit(known, settings.duration)
    version = _version(subjects, outages, as_of, settings, exponent, rates, lengths)
    return Model(known, exponent, rates, lengths, settings, version)


def refit_rates(model: Model, subjects: pd.DataFrame, outages: pd.DataFrame) -> Model:
    """The model with its rates fitted to other tables of subjects (as of the same day), its lengths as they are.

    The version stays: it is that of the base, of which this is a variant. Raises `InvalidData`.
    """
    subjects, outages = experience.tables(subjects, outages)
    known = experience.build(subjects, outages, model.experience.as_of, model.settings.merge_gap_seconds)
    known, exponent = _aged(subjects, known, model.settings)
    rates = frequency.fit(known, model.settings.frequency)
    return replace(model, experience=known, age_exponent=exponent, frequency=rates)


def _aged(subjects: pd.DataFrame, known: Experience, settings: ModelSettings) -> tuple[Experience, float]:
    """The experience with operational years, and the exponent of age that makes them."""
    if not settings.age:
        return known, 0.0
    cells = cut(subjects, known)
    beta = fit_covariates(of_universe(cells, known), age_power, settings.frequency)
    years = operational_years(cells, age_power, beta).reindex(known.subjects.index).fillna(0.0)
    return replace(known, subjects=known.subjects.assign(operational_years=years)), float(beta[0])


def _version(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    settings: ModelSettings,
    exponent: float,
    rates: FrequencyFit,
    lengths: DurationFit,
) -> str:
    """Short hash of all that a price depends on; the order of the rows is not among it."""
    content: Mapping[str, Any] = {
        "code": __version__,
        "as_of": f"{as_of:.12g}",
        "settings": asdict(settings),
        "subjects": _canonical(subjects, ["subject_id"]),
        "outages": _canonical(outages, ["subject_id", "start", "event_id"]),
        "age_exponent": f"{exponent:.12g}",
        "rates": {name: [f"{v:.12g}" for v in nodes.mean()] for name, nodes in sorted(rates.groups.items())},
        "lengths": {
            name: [f"{float(v):.12g}" for v in (law.weights @ law.mu, law.weights @ law.sigma)]
            for name, law in sorted(lengths.groups.items())
        },
        "body": lengths.body.name,
        "permanent": f"{lengths.permanent:.12g}",
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def _canonical(frame: pd.DataFrame, order: list[str]) -> str:
    ordered = frame.sort_values(order, kind="stable")
    return ordered.to_csv(index=False, float_format="%.12g", lineterminator="\n")
