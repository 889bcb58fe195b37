"""How long a halt lasts: heavy-tailed laws fitted to rounded, bounded and censored durations.

A duration gives the likelihood S(low) - S(high); one still running when last seen S(low). One from a source that can't
see what is shorter than its floor F is known to lie beyond it, whence over S(F) (left truncation; Loss Models 14.3).
Which law is used is decided out of sample, and its posterior is a small set of weighted nodes (`lengths`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pricing_models.bodies import BODIES, Body
from pricing_models.errors import InvalidData
from pricing_models.experience import Experience, Status
from pricing_models.frequency import ALL, GROUP_OF_KIND
from pricing_models.lengths import DurationPosterior
from pricing_models.scoring import DAY, HOUR, DurationPrior, Missing, posterior, score

__all__ = ["BODIES", "DurationFit", "DurationPosterior", "DurationPrior", "bounds", "fit", "permanent_share"]


@dataclass(frozen=True)
class DurationFit:
    """The chosen body, its cross-validated scores against the others, and a posterior per group.

    `permanent` is the share of halts that are for good, one for all kinds: there are too few to tell kinds apart.
    """

    body: Body
    scores: pd.DataFrame  # index candidate: parameters, mean log score a halt, its s.e. against the best
    groups: Mapping[str, DurationPosterior]
    permanent: float = 0.0
    chosen: str = ""

    def posterior(self, kind: str) -> DurationPosterior:
        """Law of the lengths of a kind's halts: its group's own, or the pooled one."""
        return self.groups.get(GROUP_OF_KIND.get(kind, ALL), self.groups[ALL])


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
    """Choose the law on all halts, then fit it to all together and, drawn towards that, to each group with enough known
    durations.

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
    share = permanent_share(experience.durations)
    groups = {ALL: posterior(chosen, rows, prior, ALL, share)}
    for name, members in rows.groupby(rows["kind"].map(GROUP_OF_KIND)):
        if int(np.isfinite(members["high"]).sum()) >= prior.group_min_known:
            pooled = groups[ALL] if len(members) < len(rows) else None  # a group of all is drawn to nothing else
            groups[str(name)] = posterior(chosen, members, prior, str(name), share, pooled)
    return DurationFit(groups[ALL].body, scores, groups, share, chosen)


def permanent_share(durations: pd.DataFrame) -> float:
    """Probability that a halt is for good: the mean of its posterior under Beta(1/2, 49/2), a prior that
    expects one in fifty and counts as much as 25 halts.

    That such a halt also ends the chain's halts is left out: it matters by less than this share.
    """
    count = int((durations["status"] == Status.PERMANENT).sum())
    return (count + 0.5) / (len(durations) + 25.0)
