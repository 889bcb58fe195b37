"""How long a halt lasts: heavy-tailed laws fitted to rounded, bounded and censored durations.

A duration gives the likelihood S(low) - S(high); one still running when last seen S(low). One from a source that can't
see what is shorter than its floor F is known to lie beyond it, whence over S(F) (left truncation; Loss Models 14.3).
Which law is used is decided out of sample, and its posterior is a small set of weighted nodes (`lengths`).

A chain that is in the tables because it halted is there because somebody told of it, and the long halts are told of: a
halt's length is no accident of such a sample. So the lengths of the universe's subjects are learnt from their own
halts, as their rates are. Of the others all halts that are told of are all that is known, and their law is the longer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models.bodies import BODIES, Body
from pricing_models.errors import InvalidData
from pricing_models.experience import Experience, Status, with_detection
from pricing_models.frequency import ALL, GROUP_OF_KIND
from pricing_models.lengths import DurationPosterior
from pricing_models.scoring import DAY, HOUR, DurationPrior, Missing, posterior, score

__all__ = [
    "BODIES",
    "SHIPPED_BODY",
    "DurationFit",
    "DurationPosterior",
    "DurationPrior",
    "bounds",
    "detected",
    "fit",
    "permanent_share",
]

SHIPPED_BODY = "loglogistic"
"""Of the bodies the one that the look back ships (`length_candidates`)."""


@dataclass(frozen=True)
class DurationFit:
    """The chosen body, its cross-validated scores against the others, and a posterior per group: `groups` for the
    subjects of the universe, `told` for the others.

    `permanent` is the share of the universe's halts that are for good, one for all kinds: there are too few to tell
    kinds apart. Of `told` it is that of all halts: the end of a chain is told of if anything is.
    """

    body: Body
    scores: pd.DataFrame  # index candidate: parameters, mean log score a halt, its s.e. against the best
    groups: Mapping[str, DurationPosterior]
    permanent: float = 0.0
    chosen: str = ""
    told: Mapping[str, DurationPosterior] = field(default_factory=dict)

    def posterior(self, kind: str, member: bool = True) -> DurationPosterior:
        """Law of the lengths of the halts of a kind's members of the universe, or others: its group's own, or the
        pooled one."""
        laws = self.groups if member or not self.told else self.told
        return laws.get(GROUP_OF_KIND.get(kind, ALL), laws[ALL])

    def of_all_told(self) -> "DurationFit":
        """The same with every subject's lengths those of all halts that are told of."""
        return replace(self, groups=self.told) if self.told else self


def bounds(durations: pd.DataFrame, missing: Missing) -> pd.DataFrame:
    """Rows (subject_id, kind, event_id, low, high, floor) as the likelihood takes them: the missing ones treated, the
    permanent ones left out. None is shorter than its floor, 0 where `durations` has no such column.

    An exact figure is as good as its rounding: half a day for whole days, half an hour for whole hours, else
    half a minute (at most half of itself).
    """
    if missing not in ("drop", "pessimistic"):
        raise InvalidData(f"missing is {missing!r}: must be 'drop' or 'pessimistic'")
    columns = ["subject_id", "kind", "event_id", "low", "high", "floor", "status"]
    durations = durations if "floor" in durations else durations.assign(floor=0.0)
    frame = durations.loc[durations["status"] != Status.PERMANENT, columns].copy()
    exact = (frame["status"] == Status.EXACT).to_numpy()
    value = frame["low"].to_numpy(dtype=float)
    half = np.select([value % DAY == 0, value % HOUR == 0], [DAY / 2, HOUR / 2], 30.0)
    half = np.where(exact, np.minimum(half, value / 2), 0.0)
    known = exact | (frame["status"] == Status.INTERVAL).to_numpy()
    middle = (frame["low"] + frame["high"])[known] / 2
    frame["low"], frame["high"] = frame["low"] - half, frame["high"] + half
    unknown = (frame["status"] == Status.MISSING).to_numpy()
    if missing == "pessimistic" and known.any():
        frame.loc[unknown, "low"] = float(middle.median())
        unknown = np.zeros_like(unknown)
    frame["low"] = frame[["low", "floor"]].max(axis=1)
    return frame.loc[~unknown].drop(columns="status").reset_index(drop=True)


def fit(experience: Experience, prior: DurationPrior | None = None) -> DurationFit:
    """Choose the law on all halts, then fit it to all together and, drawn towards that, to each group of kinds; to the
    universe's halts (`DurationPrior.halts`) and to all.

    The criterion is the cross-validated log predictive score (`scoring`; folds by event, so the subjects of one cause
    stay together). Of the candidates within one standard error of the best the one with fewest parameters is taken, of
    equals the first: a Burr or a Pareto tail is used only if it wins. Raises `InvalidData` when nothing bounds any
    duration.
    """
    prior = prior or DurationPrior()
    rows = bounds(experience.durations, prior.missing)
    if not np.isfinite(rows["high"]).any():
        raise InvalidData("outages: no usable row has an upper bound of its duration; at least one is needed")
    scores = score(rows, prior)
    close = scores[scores["log_score"] >= scores["log_score"].max() - scores["se_of_difference"]]
    chosen = str(close.sort_values("parameters", kind="stable").index[0])
    durations, own = experience.durations, rows[_of_universe(rows, experience)]
    members = durations[_of_universe(durations, experience)]
    # a universe without any halt of known length has the lengths of those that are told of
    apart = prior.halts == "universe" and len(members) < len(durations) and bool(np.isfinite(own["high"]).any())
    told = _laws(chosen, rows, prior, permanent_share(durations), ", all that are told of" if apart else "")
    groups = told
    if apart:
        groups = _laws(chosen, own, prior, permanent_share(members), " of the universe")
    return DurationFit(groups[ALL].body, scores, groups, groups[ALL].permanent, chosen, told)


def detected(known: Experience, fitted: DurationFit) -> Experience:
    """The experience with the share of halts that its sources can see, by these laws of their lengths."""
    return with_detection(known, lambda kind, member: fitted.posterior(kind, member).sf)


def _of_universe(rows: pd.DataFrame, experience: Experience) -> NDArray[np.bool_]:
    """Which rows are halts of the universe's subjects; all where nothing is known of any."""
    if "in_universe" not in experience.subjects:
        return np.ones(len(rows), dtype=bool)
    members = experience.subjects.index[experience.subjects["in_universe"].astype(bool)]
    return rows["subject_id"].isin(members).to_numpy(dtype=bool)


def _laws(
    chosen: str, rows: pd.DataFrame, prior: DurationPrior, share: float, whose: str
) -> dict[str, DurationPosterior]:
    """The posterior of all the rows and, drawn towards it, of each group of kinds."""
    laws = {ALL: posterior(chosen, rows, prior, f"{ALL}{whose}", share)}
    for name, members in rows.groupby(rows["kind"].map(GROUP_OF_KIND)) if prior.by_kind else ():
        if int(np.isfinite(members["high"]).sum()) >= prior.group_min_known:
            pooled = laws[ALL] if len(members) < len(rows) else None  # a group of all is drawn to nothing else
            laws[str(name)] = posterior(chosen, members, prior, f"{name}{whose}", share, pooled)
    return laws


def permanent_share(durations: pd.DataFrame) -> float:
    """Probability that a halt is for good: the mean of its posterior under Beta(1/2, 49/2), a prior that
    expects one in fifty and counts as much as 25 halts.

    That such a halt also ends the chain's halts is left out: it matters by less than this share.
    """
    count = int((durations["status"] == Status.PERMANENT).sum())
    return (count + 0.5) / (len(durations) + 25.0)
