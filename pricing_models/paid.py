"""What a trigger has paid on many policies against what the outages themselves would be: the parts of their means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pricing_models import observation
from pricing_models.compound import FalseIncidents, mean_payouts
from pricing_models.lengths import DurationPosterior
from pricing_models.observation import BasisRisk, Trigger
from pricing_models.payoff import Curve, TermsTable, expected_payouts
from pricing_models.premium import Judgement, Loadings, Means, Scenario

FloatArray = NDArray[np.float64]

_HARDLY_BOUND = 0.05
"""Of the aggregate limit: where no more is expected to be paid, it changes next to nothing of what a scenario adds."""


@dataclass(frozen=True)
class Paid:
    """Policies of a table on halts of one law, `halts` a year, seen by one trigger (None: paid by their lengths), over
    `years` each."""

    table: TermsTable
    law: DurationPosterior
    trigger: Trigger | None
    loadings: Loadings
    years: FloatArray
    halts: FloatArray

    @property
    def curves(self) -> tuple[Curve, Curve]:
        """`sf` and `lev` of the seconds that a halt is paid for, at the base."""
        return self._covered(Scenario.BASE)

    def _covered(self, scenario: Scenario) -> tuple[Curve, Curve]:
        sf, lev = self.law.curves.sf, self.law.curves.lev
        if self.trigger is None:
            return sf, lev
        covered = observation.covered_law(self.trigger, scenario, sf, lev)
        return covered.sf, covered.limited_expectation

    @cached_property
    def false_incidents(self) -> FalseIncidents | None:
        """The incidents that no halt caused, at the base; None where there are none."""
        return self._false(Scenario.BASE)

    def _false(self, scenario: Scenario) -> FalseIncidents | None:
        if self.trigger is None:
            return None
        rate, sf, lev = observation.false_lengths(observation.false_incidents(self.trigger, scenario))
        return FalseIncidents(rate * self.years, sf, lev) if rate > 0.0 else None

    @property
    def of_alarms(self) -> FloatArray:
        """What false incidents are expected to be paid at the base, before the aggregate limit."""
        nobody = np.zeros_like(self.years)
        false = self.false_incidents
        return nobody if false is None else false.means * expected_payouts(self.table, false.sf, false.lev, nobody)

    def means(self, counts: FloatArray, plug_in: FloatArray, paid: FloatArray) -> list[Means]:
        """The parts of each policy's mean, given the probabilities of its halts, the mean for the outages at the point
        estimate, and the mean of all that is `paid` at the base."""
        outages = self._of_outages(counts, paid)
        added = self._added(counts, outages, paid)
        return [
            Means(
                float(outages[0.0][row]),
                float(plug_in[row]),
                self._failover(outages, row),
                None if added is None else added[row],
            )
            for row in range(len(paid))
        ]

    def _of_outages(self, counts: FloatArray, paid: FloatArray) -> dict[float, FloatArray]:
        """Expected payouts for the outages' own lengths, by the chance of a failover: none, and those that are judged
        where any policy has a benefit."""
        judged = self.loadings.failover_probability
        some = bool(self.table.benefit.any())
        chances = {0.0, judged.low, judged.base, judged.high} if some else {0.0}
        known = {judged.base if some else 0.0: paid} if self.trigger is None else {}
        sf, lev = self.law.curves.sf, self.law.curves.lev
        asked = sorted(chances - known.keys())
        return known | {each: mean_payouts(counts, self.table, sf, lev, np.full(len(paid), each)) for each in asked}

    def _failover(self, outages: Mapping[float, FloatArray], row: int) -> dict[Scenario, float]:
        """What failovers add to the expected payout for the outages."""
        found = {scenario: self._at(outages, scenario)[row] - outages[0.0][row] for scenario in Scenario}
        return {scenario: max(0.0, float(added)) for scenario, added in found.items()}

    def _at(self, outages: Mapping[float, FloatArray], scenario: Scenario) -> FloatArray:
        return outages.get(self.loadings.failover_probability.at(scenario), outages[0.0])

    def _added(
        self, counts: FloatArray, outages: Mapping[float, FloatArray], paid: FloatArray
    ) -> list[dict[Scenario, float]] | None:
        """What the trigger pays besides, or less, under each scenario: the mean of all that it has paid beyond that of
        the outages."""
        if self._risks is None:
            return None
        base = paid - self._at(outages, Scenario.BASE)
        added = {Scenario.BASE: base}
        near = {each: self._nearly(each, outages, base) for each in (Scenario.LOW, Scenario.HIGH)}
        most = near[Scenario.HIGH] + self._at(outages, Scenario.HIGH)
        bound = np.flatnonzero(most > _HARDLY_BOUND * self.table.aggregate)
        for scenario, amounts in near.items():
            if bound.size:
                exact = self._paid_under(scenario, counts[bound], bound)
                amounts[bound] = exact - self._at(outages, scenario)[bound]
            added[scenario] = amounts
        return [{scenario: float(each[row]) for scenario, each in added.items()} for row in range(len(paid))]

    def _nearly(self, scenario: Scenario, outages: Mapping[float, FloatArray], base: FloatArray) -> FloatArray:
        """The same by what one halt is paid more or less than at the base: as good where limits hardly bind."""
        assert self._risks is not None
        nets = {each: np.array([risk[each].net for risk in self._risks]) for each in (scenario, Scenario.BASE)}
        of_halts = {each: net * self._at(outages, each) for each, net in nets.items()}
        result: FloatArray = of_halts[scenario] + base - of_halts[Scenario.BASE]
        return result

    def _paid_under(self, scenario: Scenario, counts: FloatArray, rows: NDArray[np.intp]) -> FloatArray:
        """The mean of what the trigger has paid under a scenario on some of the policies."""
        sf, lev = self._covered(scenario)
        chances = np.full(rows.size, self.loadings.failover_probability.at(scenario))
        false = self._false(scenario)
        own = None if false is None else false.take(rows)
        return mean_payouts(counts, self.table.take(rows), sf, lev, chances, false=own)

    @cached_property
    def _risks(self) -> list[dict[Scenario, BasisRisk]] | None:
        """The basis risk of one halt of each policy."""
        if self.trigger is None:
            return None
        found = {}
        for scenario in Scenario:
            chances = np.full(self.years.size, self.loadings.failover_probability.at(scenario))
            curves = self.law.curves.sf, self.law.curves.lev
            found[scenario] = observation.basis_risks(self.trigger, scenario, self.table, *curves, self.halts, chances)
        return [
            {scenario: BasisRisk(*map(float, each[:, row])) for scenario, each in found.items()}
            for row in range(self.years.size)
        ]

    @property
    def unpaid(self) -> Sequence[Judgement | None]:
        """The part of what the outages would be paid that the trigger leaves unpaid."""
        if self._risks is None:
            return [None] * self.years.size
        return [observation.left_unpaid(each) for each in self._risks]
