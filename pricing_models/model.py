"""Experience, frequency and duration of one data set, bundled: what prices cover and what a quote names."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import pandas as pd

from pricing_models import aging, duration, experience, premium
from pricing_models.aging import Aged, AgeNode
from pricing_models.capacity import Utilisation
from pricing_models.cells import RECENT_SECONDS
from pricing_models.collapse import KnownRates, Tabulated, collapse, collapse_readings
from pricing_models.compound import LossDistribution, loss_distribution
from pricing_models.covariates import AgeEffect, AgeForm
from pricing_models.duration import SHIPPED_BODY, DurationFit, DurationPosterior, DurationPrior
from pricing_models.errors import InvalidData
from pricing_models.experience import (
    MERGE_GAP_SECONDS,
    OPERATED_KINDS,
    YEAR_SECONDS,
    Experience,
)
from pricing_models.frequency import FrequencyFit, FrequencyPrior, RatePosterior
from pricing_models.observation import STANDARD_TRIGGER, Trigger
from pricing_models.overrides import Override, in_force
from pricing_models.payoff import Terms
from pricing_models.premium import Loadings, Premium
from pricing_models.pricing import Enquiry, SubjectFacts, price_many
from pricing_models.versions import code_version, data_digest, of_record, to_record, version_of

_USUAL_YEARS = 1.01
_LONGEST_YEARS = 10.0
_AT_ONCE = 1.0 / YEAR_SECONDS


@dataclass(frozen=True)
class ModelSettings:
    """Every choice of the fit that is not data; `age`: how the rate may depend on the subject's age."""

    merge_gap_seconds: float = MERGE_GAP_SECONDS
    frequency: FrequencyPrior = field(default_factory=FrequencyPrior)
    duration: DurationPrior = field(default_factory=lambda: DurationPrior(bodies=(SHIPPED_BODY,)))
    age: AgeForm = "bands"


@dataclass(frozen=True)
class Model:
    """A fit; `version` is the hash of its data, settings, code version and parameters (`versions`).

    The rate of a subject depends on its age as `age` says; the fitted rates are those at the reference age of
    `covariates`, at the mode of its coefficients, and `age_nodes` are what else they may be (`aging`). `overrides` has
    what underwriters put in their place, by subject; `data` is the digest of the tables, `code` the version of the code
    that fitted them.
    """

    experience: Experience
    age: AgeEffect
    frequency: FrequencyFit
    duration: DurationFit
    settings: ModelSettings
    version: str
    age_nodes: tuple[AgeNode, ...] = ()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    data: str = ""
    code: str = field(default_factory=code_version)

    def rate(self, subject_id: str, kind: str | None = None, ahead_seconds: float = 0.0) -> RatePosterior:
        """Posterior of the subject's yearly rate, over the `ahead_seconds` after the fit (0: on its day); `kind` prices
        a subject without history by its group."""
        years = max(ahead_seconds / YEAR_SECONDS, _AT_ONCE)
        return self._posterior(subject_id, kind, years).scaled(self.age_factor(subject_id, ahead_seconds))

    def _posterior(self, subject_id: str, kind: str | None, years: float) -> RatePosterior:
        """The rate at the reference age that times the age's factor is that over the coming `years`, or what stands in
        its place."""
        at_mode, age = self.frequency.posterior(subject_id, kind), self.facts(subject_id).age
        fitted = aging.mixed(at_mode, self.age, self.age_nodes, age, years, subject_id, kind)
        override = self.overrides.get(subject_id)
        if override is None or override.rate is None:
            return fitted
        now = fitted.mean * self._fitted_age_factor(subject_id, 0.0)
        day = datetime.fromtimestamp(override.since, UTC).strftime("%Y-%m-%d")
        words = f"overridden from {now:.3g} to {override.rate:.3g} a year by {override.by} on {day}: {override.reason}"
        scaled = fitted.scaled(override.rate / fitted.mean)
        return replace(scaled, source=f"{words} (fitted: {fitted.source})", credibility=0.0, judged=True)

    def age_factor(self, subject_id: str, ahead_seconds: float = 0.0) -> float:
        """The subject's mean rate over the `ahead_seconds` after the fit (0: on its day) as a multiple of that at the
        reference age; 1 where its launch is unknown or its rate is overridden."""
        return 1.0 if subject_id in self.overrides else self._fitted_age_factor(subject_id, ahead_seconds)

    def _fitted_age_factor(self, subject_id: str, ahead_seconds: float) -> float:
        age = self.facts(subject_id).age
        return self.age.mean_factor(age, max(ahead_seconds / YEAR_SECONDS, _AT_ONCE))

    def facts(self, subject_id: str, kind: str | None = None) -> SubjectFacts:
        """What the price takes from the subject's row; of one that is not there the kind alone."""
        return self._facts.get(subject_id) or SubjectFacts(kind or "", operated=kind in OPERATED_KINDS)

    @cached_property
    def _facts(self) -> dict[str, SubjectFacts]:
        frame = self.experience.subjects
        ages = (self.experience.as_of - frame["launch"]) / YEAR_SECONDS
        recent = (frame["last_halt"] + RECENT_SECONDS - self.experience.as_of).clip(lower=0.0).fillna(0.0)
        columns = zip(frame.index, frame["kind"], ages, recent, frame["operated"], frame["in_universe"], strict=True)
        return {
            str(name): SubjectFacts(str(kind), float(age), float(left), bool(operated), bool(member))
            for name, kind, age, left, operated, member in columns
        }

    @cached_property
    def _known_rates(self) -> dict[Hashable, KnownRates]:
        return {}

    @cached_property
    def _tabulated(self) -> dict[Hashable, tuple[RatePosterior, list[Tabulated]]]:
        return {}

    def known_rates(self, subject_id: str, years: float, kind: str | None = None) -> KnownRates:
        """The subject's rate at the reference age that times the age's factor is that over the coming `years`: worked
        out once, but where the subject comes into another band of age within that time once for every term."""
        kind = None if subject_id in self._facts else kind
        longest = _LONGEST_YEARS if years > _USUAL_YEARS else _USUAL_YEARS
        age = self.facts(subject_id).age
        changes = subject_id not in self.overrides and bool(self.age_nodes) and self.age.changes_within(age, years)
        key = (subject_id, kind, longest, years if changes else None)
        if key not in self._known_rates:
            self._known_rates[key] = (
                self._known_while_aging(subject_id, years, kind, longest)
                if changes
                else collapse(self._posterior(subject_id, kind, _AT_ONCE), longest)
            )
        return self._known_rates[key]

    def _known_while_aging(self, subject_id: str, years: float, kind: str | None, longest: float) -> KnownRates:
        key = (subject_id, kind, longest)
        if key not in self._tabulated:
            laws = (node.rates.posterior(subject_id, kind) for node in self.age_nodes)
            fitted = self.frequency.posterior(subject_id, kind)
            self._tabulated[key] = fitted, [Tabulated.of(law, longest) for law in laws]
        factors = aging.factors(self.age, self.age_nodes, self.facts(subject_id).age, years)
        return collapse_readings(*self._tabulated[key], factors)

    def length(self, subject_id: str, kind: str | None = None) -> DurationPosterior:
        """Predictive law of the length of the subject's next halt."""
        facts = self.facts(subject_id, kind)
        return self.duration.posterior(facts.kind, facts.member)

    def kind(self, subject_id: str) -> str | None:
        """The subject's kind in the data, None when it is not there."""
        found = self._facts.get(subject_id)
        return None if found is None else found.kind

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
        counts = self.rate(subject_id, kind, term_seconds).predictive(years)
        curves = self.length(subject_id, kind).curves
        return loss_distribution(counts, terms, curves.sf, curves.lev, failover_probability)

    def price(
        self,
        subject_id: str,
        terms: Terms,
        term_seconds: int,
        loadings: Loadings | None = None,
        kind: str | None = None,
        marginal_capital: float | None = None,
        trigger: Trigger | None = STANDARD_TRIGGER,
        utilisation: Utilisation | None = None,
    ) -> Premium:
        """The premium of one policy, the fields those of `Enquiry`; raises as `price_many`."""
        enquiry = Enquiry(subject_id, terms, term_seconds, kind, trigger, utilisation, marginal_capital)
        return price_many(self, [enquiry], loadings)[0]

    def summary(self) -> pd.DataFrame:
        """Per subject: kind, halts, exposure_years, rate_mean, rate_low, rate_high (90%, a year),
        credibility, median_seconds and p95_seconds of its next halt."""
        subjects = self.experience.subjects
        rows: dict[str, dict[str, Any]] = {}
        points: dict[int, tuple[float, float]] = {}  # by law: many subjects have one in common
        columns = ["kind", "halts", "exposure_years"]
        for subject_id, kind, halts, years in subjects[columns].itertuples():
            rate = self.rate(str(subject_id))
            low, high = rate.interval(0.9)
            law = self.length(str(subject_id))
            if id(law) not in points:
                points[id(law)] = law.quantile(0.5), law.quantile(0.95)
            rows[str(subject_id)] = {
                "kind": kind,
                "halts": halts,
                "exposure_years": years,
                "rate_mean": rate.mean,
                "rate_low": low,
                "rate_high": high,
                "credibility": rate.credibility,
                "median_seconds": points[id(law)][0],
                "p95_seconds": points[id(law)][1],
            }
        frame = pd.DataFrame.from_dict(rows, orient="index")
        frame.index.name = "subject_id"
        return frame


def fit(
    subjects: pd.DataFrame,
    outages: pd.DataFrame,
    as_of: float,
    settings: ModelSettings | None = None,
    overrides: Iterable[Override] = (),
) -> Model:
    """Fit everything to the two tables (columns in `experience`) as known at `as_of` (epoch seconds), with the
    overrides that were made by then.

    Raises `InvalidData` naming the column and the row at fault.
    """
    settings = settings or ModelSettings()
    subjects, outages = experience.tables(subjects, outages)
    # sums depend on the order of their terms in the last digit, and the version would depend on that of the rows
    subjects = subjects.sort_values("subject_id", kind="stable", ignore_index=True)
    outages = outages.sort_values(["subject_id", "start", "event_id"], kind="stable", ignore_index=True)
    known = experience.build(subjects, outages, as_of, settings.merge_gap_seconds)
    lengths = duration.fit(known, settings.duration)
    for law in (*lengths.groups.values(), *lengths.told.values()):
        _ = law.curves  # tabulated now: a price has no time for it
    aged = aging.fit(subjects, duration.detected(known, lengths), settings.age, settings.frequency)
    stated, data = in_force(overrides, as_of), data_digest(subjects, outages)
    version = version_of(to_record(data, asdict(settings), aged, lengths, stated))
    return Model(aged.experience, aged.effect, aged.rates, lengths, settings, version, aged.nodes, stated, data)


def record(model: Model) -> dict[str, Any]:
    """The fit as plain values, all of it JSON, of which `version` is the hash."""
    settings = asdict(model.settings)
    aged = Aged(model.experience, model.frequency, model.age, model.age_nodes)
    return to_record(model.data, settings, aged, model.duration, model.overrides, model.code)


def restored(given: Mapping[str, Any], version: str) -> Model:
    """The fit that a record holds; raises `InvalidData` when it is none, or another one than `version`."""
    if version_of(given) != version:
        raise InvalidData(f"fit {version}: its content has the hash {version_of(given)}; it was changed")
    parts = of_record(given)
    settings = ModelSettings(*parts.pop("settings"))
    return Model(**parts, settings=settings, version=version, data=str(given["data"]), code=str(given["code"]))


def as_stored(model: Model) -> Model:
    """The fit as its record has it, to the digits of the record: whoever reads it back gets this one, to the bit, so
    that what is simulated with it can be simulated again."""
    return restored(record(model), model.version)


def refit_rates(model: Model, subjects: pd.DataFrame, outages: pd.DataFrame) -> Model:
    """The model with its rates fitted to other tables of subjects (as of the same day), its lengths as they are.

    The version stays: it is that of the base, of which this is a variant. Raises `InvalidData`.
    """
    subjects, outages = experience.tables(subjects, outages)
    known = experience.build(subjects, outages, model.experience.as_of, model.settings.merge_gap_seconds)
    aged = aging.fit(subjects, duration.detected(known, model.duration), model.settings.age, model.settings.frequency)
    return replace(model, experience=aged.experience, age=aged.effect, frequency=aged.rates, age_nodes=aged.nodes)
