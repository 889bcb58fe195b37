"""Plain ways to work out what a book pays, given its incidents: each exact, limits included, each on one core.

Incidents are columns year, subject, began (second of the year in which the outage began), at (in which the incident
did) and length, in order of time: cutting outages of weeks into them is a gift to the plain ways.
"""

import os
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pricing_models.jit import compiled
from pricing_models.payoff import LONGEST_INCIDENT_SECONDS
from pricing_models.portfolio import Book
from pricing_models.simulate.outages import YEAR

I64 = NDArray[np.int64]


def incidents(rows: I64) -> I64:
    """The incidents of a trace that begin within their year."""
    parts = []
    begun = rows[:, 2].copy()
    left = rows[:, 3].copy()
    live = np.ones(len(rows), bool)
    while live.any():
        length = np.minimum(left, LONGEST_INCIDENT_SECONDS)
        parts.append(np.column_stack([rows[:, :3], begun, length])[live])
        begun, left = begun + LONGEST_INCIDENT_SECONDS, left - LONGEST_INCIDENT_SECONDS
        live &= (left > 0) & (begun < YEAR)
    found = np.concatenate(parts)
    return found[np.lexsort((found[:, 3], found[:, 1], found[:, 0]))]


@compiled
def _numba(year, subject, began, at, length, first, start, end, waiting, retained, rate, limit, aggregate, totals):
    used = np.zeros(start.size, np.int64)
    n, j = year.size, 0
    while j < n:
        k = j
        while k < n and year[k] == year[j] and subject[k] == subject[j]:
            k += 1
        a, b = first[subject[j]], first[subject[j] + 1]
        used[a:b] = 0
        for e in range(j, k):
            t, u, d = began[e], at[e], length[e]
            for p in range(a, b):  # without a branch, which a compiler turns into vector instructions
                pay = min(rate[p] * (d - retained[p]), limit[p])
                used[p] += pay if (start[p] <= t) & (u < end[p]) & (d > waiting[p]) else 0
        paid = 0
        for p in range(a, b):
            paid += min(used[p], aggregate[p])
        totals[year[j]] += paid
        j = k


def with_numba(book: Book, rows: I64, years: int) -> I64:
    """A loop over the years of each subject, their incidents, and the subject's policies."""
    first, start, end, waiting, retained, rate, _, limit, aggregate = book.policies[:9]
    totals = np.zeros(years, np.int64)
    columns = [np.ascontiguousarray(rows[:, k]) for k in range(5)]
    _numba(*columns, first, start, end, waiting, retained, rate, limit, aggregate, totals)
    return totals


def with_numpy(book: Book, rows: I64, years: int) -> I64:
    """Policy by policy, over all incidents of its subject."""
    first, start, end, waiting, retained, rate, _, limit, aggregate = book.policies[:9]
    totals = np.zeros(years, np.int64)
    for subject in range(len(book.world.order)):
        own = rows[rows[:, 1] == subject]
        for p in range(first[subject], first[subject + 1]):
            hit = own[(own[:, 2] >= start[p]) & (own[:, 3] < end[p]) & (own[:, 4] > waiting[p])]
            paid = np.zeros(years, np.int64)
            np.add.at(paid, hit[:, 0], np.minimum(rate[p] * (hit[:, 4] - retained[p]), limit[p]))
            totals += np.minimum(paid, aggregate[p])
    return totals


def _frames(book: Book, rows: I64) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = ("start", "end", "waiting", "retained", "rate", "benefit", "limit", "aggregate")
    policies = pd.DataFrame(dict(zip(names, book.policies[1:9], strict=True)))
    policies["subject"] = np.repeat(np.arange(book.policies[0].size - 1), np.diff(book.policies[0]))
    policies["policy"] = np.arange(len(policies))
    return policies, pd.DataFrame(rows, columns=["year", "subject", "began", "at", "length"])


def with_pandas(book: Book, rows: I64, years: int) -> I64:
    """Incidents joined with policies, filtered, grouped by year and policy."""
    policies, found = _frames(book, rows)
    totals = np.zeros(years, np.int64)
    for _, part in found.groupby("subject"):
        joined = part.merge(policies, on="subject")
        in_force = (joined["began"] >= joined["start"]) & (joined["at"] < joined["end"])
        joined = joined[in_force & (joined["length"] > joined["waiting"])]
        pay = (joined["rate"] * (joined["length"] - joined["retained"])).clip(upper=joined["limit"])
        sums = joined.assign(pay=pay).groupby(["year", "policy"]).agg(pay=("pay", "sum"), most=("aggregate", "first"))
        paid = sums["pay"].clip(upper=sums["most"]).groupby("year").sum()
        totals[paid.index.to_numpy()] += paid.to_numpy()
    return totals


_SQL = """
select year, cast(sum(least(paid, most)) as bigint) as paid from (
    select i.year, p.policy, sum(least(p.rate * (i.length - p.retained), p."limit")) as paid, first(p.aggregate) as most
    from incidents i join policies p
    on i.subject = p.subject and i.began >= p.start and i.at < p."end" and i.length > p.waiting
    group by i.year, p.policy
) group by year
"""


def with_duckdb(book: Book, rows: I64, years: int) -> I64:
    """One query."""
    import duckdb

    policies, found = _frames(book, rows)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("policies", policies)
        connection.register("incidents", found)
        paid = connection.execute(_SQL).fetchnumpy()
    return _placed(paid["year"], paid["paid"], years)


def with_polars(book: Book, rows: I64, years: int) -> I64:
    """The same query as expressions, subject by subject, for the whole join would not fit."""
    os.environ["POLARS_MAX_THREADS"] = "1"
    import polars as pl

    policies, found = (pl.DataFrame({name: each[name].to_numpy() for name in each}) for each in _frames(book, rows))
    totals = np.zeros(years, np.int64)
    by_subject: dict[Any, Any] = policies.partition_by("subject", as_dict=True)
    for subject, part in found.partition_by("subject", as_dict=True).items():
        if subject not in by_subject:
            continue
        in_force = (pl.col("began") >= pl.col("start")) & (pl.col("at") < pl.col("end"))
        pay = pl.min_horizontal(pl.col("rate") * (pl.col("length") - pl.col("retained")), pl.col("limit"))
        sums = (
            part.lazy()
            .join(by_subject[subject].lazy(), on="subject")
            .filter(in_force & (pl.col("length") > pl.col("waiting")))
            .group_by("year", "policy")
            .agg(pay.sum().alias("paid"), pl.col("aggregate").first())
            .group_by("year")
            .agg(pl.min_horizontal("paid", "aggregate").sum().alias("paid"))
            .collect()
        )
        totals += _placed(sums["year"].to_numpy(), sums["paid"].to_numpy(), years)
    return totals


def _placed(places: NDArray[Any], amounts: NDArray[Any], years: int) -> I64:
    totals = np.zeros(years, np.int64)
    totals[places] = amounts
    return totals


WAYS = {
    "numba": with_numba,
    "numpy": with_numpy,
    "pandas": with_pandas,
    "duckdb": with_duckdb,
    "polars": with_polars,
}
