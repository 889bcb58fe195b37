"""Laws of lengths that compete out of sample: the shipped one, the plainest, and what might be added.

Each is a fit of `duration` with settings of its own, some to a part of what is known. Whose halts tell how long the
universe's last is one of the questions: all that are told of, those of its own subjects, or those alone that its rates
count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pricing_models import duration
from pricing_models.duration import SHIPPED_BODY, DurationFit, DurationPrior
from pricing_models.experience import YEAR_SECONDS, Experience
from pricing_models.scoring import CANDIDATES as BODIES

_RECENT_YEARS = 5.0
_PRESS_FLOOR_SECONDS = 4 * 3600.0


def _as_it_is(known: Experience) -> Experience:
    return known


def counted_only(known: Experience) -> Experience:
    """The experience without the universe's halts that its rates do not count."""
    members = known.subjects.index[known.subjects["in_universe"]]
    kept = known.durations["counted"].astype(bool) | ~known.durations["subject_id"].isin(members)
    return replace(known, durations=known.durations[kept])


def recent_only(known: Experience) -> Experience:
    """The experience without the halts that began more than five years before its day."""
    kept = known.durations["start"] >= known.as_of - _RECENT_YEARS * YEAR_SECONDS
    return replace(known, durations=known.durations[kept])


def with_press_floor(known: Experience) -> Experience:
    """The experience as if halts of chains outside the universe were told of only beyond four hours, which is where the
    shortest quarter of them lies."""
    members = known.subjects.index[known.subjects["in_universe"]]
    others = ~known.durations["subject_id"].isin(members)
    kept = known.durations[~(others & (known.durations["high"] <= _PRESS_FLOOR_SECONDS))]
    floor = kept["floor"].mask(others & (kept["floor"] < _PRESS_FLOOR_SECONDS), _PRESS_FLOOR_SECONDS)
    return replace(known, durations=kept.assign(floor=floor))


@dataclass(frozen=True)
class LengthCandidate:
    """A law of lengths by name; `parameters` is how many figures it learns, the measure of simplicity: two for each
    group of kinds, or more by the body, and one for each choice. `part` is what of the experience it is fitted to."""

    name: str
    parameters: int
    prior: DurationPrior
    part: Callable[[Experience], Experience] = _as_it_is

    def fit(self, known: Experience) -> DurationFit:
        """The law as it would have been fitted to what was known, to all of it where its part has no bounded length;
        raises `InvalidData`."""
        part = self.part(known)
        return duration.fit(part if np.isfinite(part.durations["high"]).any() else known, self.prior)


LENGTH_BASELINE = "one_law"
LENGTH_SHIPPED = "universe_by_kind"
_PLAIN = DurationPrior(bodies=(SHIPPED_BODY,))
_ALL = replace(_PLAIN, halts="all")

LENGTH_CANDIDATES: Sequence[LengthCandidate] = (
    LengthCandidate(LENGTH_BASELINE, 2, replace(_ALL, by_kind=False)),
    LengthCandidate("by_kind", 4, _ALL),
    LengthCandidate("by_kind_press_floor", 5, _ALL, with_press_floor),
    LengthCandidate("universe_one_law", 2, replace(_PLAIN, by_kind=False)),
    LengthCandidate(LENGTH_SHIPPED, 4, _PLAIN),
    LengthCandidate("universe_by_kind_counted", 4, _PLAIN, counted_only),
    LengthCandidate("universe_by_kind_five_years", 5, _PLAIN, recent_only),
    LengthCandidate("universe_by_kind_lognormal", 4, replace(_PLAIN, bodies=("lognormal",))),
    LengthCandidate("universe_by_kind_weibull", 4, replace(_PLAIN, bodies=("weibull",))),
    LengthCandidate("universe_by_kind_burr", 6, replace(_PLAIN, bodies=("burr",))),
    LengthCandidate("universe_by_kind_tail", 8, replace(_PLAIN, bodies=(f"{SHIPPED_BODY}+gpd",))),
    LengthCandidate("universe_by_kind_chosen_body", 5, replace(_PLAIN, bodies=BODIES)),
)
"""Every body that is no name of its own is the shipped one."""
