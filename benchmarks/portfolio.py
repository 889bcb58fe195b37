"""The portfolio simulation on a standard pool: speed, memory, and how much faster than plain ways to do the same.

    python -m benchmarks.portfolio [--years 1e6] [--repeat 3] [--json]

The pool: 20 L1s, 180 rollups that each L1 halt is passed on to with 0.9, about 300 halts a year, 10,000 policies with
term windows, incident limit 24 h, aggregate limit 100 h, uncertain rates and lengths. Times are medians. The plain
ways are given the outages, so that their times hold no random draws; each pays to the unit what the simulation pays.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from insure.simulation import run_local
from pricing_models.capital import store_tail
from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.frequency import RatePosterior
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book, Cover, Link, Process, World
from pricing_models.simulate.jit import compiled
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR, own_outages

I64 = NDArray[np.int64]

HOUR, DAY = 3_600, 86_400
L1S, ROLLUPS, PASSED_ON, HALTS = 20, 180, 0.9, 300.0
SEED = 1


def standard_world() -> World:
    """Rates Gamma with uncertain shape, a lognormal law with an uncertain median and spread."""
    rng = np.random.default_rng(SEED)
    own = HALTS / (L1S + ROLLUPS * (1.0 + PASSED_ON))
    x, y = np.meshgrid(np.linspace(-0.3, 0.3, 25), np.linspace(-0.2, 0.2, 25))
    weights = np.exp(-((x / 0.12) ** 2) - (y / 0.08) ** 2).ravel()
    law = DurationPosterior(
        BODIES["lognormal"],
        np.log(4.0 * HOUR) + x.ravel(),
        1.3 * np.exp(y.ravel()),
        weights / weights.sum(),
        "standard",
    )
    names = [f"l1-{i:02d}" for i in range(L1S)] + [f"rollup-{i:03d}" for i in range(ROLLUPS)]
    subjects = []
    for i, name in enumerate(names):
        shapes = np.exp(rng.normal(1.0, 0.3, 256))
        rate = RatePosterior(shapes, shapes / own, np.full(256, 1.0 / 256), 0.5, "standard")
        subjects.append(Process(name, rate, law, "l1" if i < L1S else "rollup"))
    links = tuple(Link(names[L1S + i], names[i % L1S], PASSED_ON) for i in range(ROLLUPS))
    return World(tuple(subjects), (), links)


def standard_book(policies: int, world: World) -> Book:
    """Policies spread evenly over the subjects; those of one day begin and end at any second of it."""
    rng = np.random.default_rng(SEED + 1)
    covers = []
    for k in range(policies):
        start = int(rng.integers(-90 * DAY, YEAR))
        rate = int(rng.integers(100, 100_000))
        terms = Terms(
            int(rng.choice([1, 2, 4, 8])) * HOUR,
            Semantics.RETENTION if rng.uniform() < 0.5 else Semantics.QUALIFYING,
            rate,
            0,
            24 * HOUR * rate,
            100 * HOUR * rate,
        )
        subject = world.subjects[k % len(world.subjects)].id
        covers.append(Cover(f"p{k}", subject, terms, start, start + int(rng.choice([30, 90, 180, 365])) * DAY))
    return Book(tuple(covers), world)


def median_seconds(work: Callable[[], Any], repeat: int) -> float:
    times = []
    for _ in range(repeat):
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return float(np.median(times))


# The bound: nobody can draw fewer numbers or look fewer things up


@compiled
def _draw_all(world, key, first_block, blocks):
    own, words = np.empty(512, np.uint64), np.empty(1024, np.uint64)
    gaps, variates, lengths = np.empty(512), np.empty(512), np.empty(512, np.int64)
    drawn = 0
    for i in range(world[0].size):
        for block in range(first_block, first_block + blocks):
            n, own, words, gaps, variates, lengths = own_outages(
                world, i, block, key, own, words, gaps, variates, lengths
            )
            drawn += n
    return drawn


@compiled
def _gather(table, places):
    total = 0
    for i in range(places.size):
        total += table[places[i]]
    return total


def bound_seconds(world: World, blocks: int, incidents: int, repeat: int) -> float:
    """Draws of all outages, and one gather of 2 MiB's worth of table for each that meets a subject."""
    key = (np.uint64(SEED), np.uint64(0))
    _draw_all(world.arrays, key, 0, 1)
    draws = median_seconds(lambda: _draw_all(world.arrays, key, 0, blocks), repeat)
    rng = np.random.default_rng(0)
    table, places = rng.integers(0, 99, 2**18), rng.integers(0, 2**18, incidents)
    _gather(table, places[:9])
    return draws + median_seconds(lambda: _gather(table, places), repeat)


# Plain ways, given the outages


@compiled
def _numba_plain(rows, first, start, end, waiting, retained, rate, limit, aggregate, totals):
    used = np.zeros(start.size, np.int64)
    year = np.full(start.size, -1)
    for j in range(rows.shape[0]):
        subject, at, length = rows[j, 1], rows[j, 2], rows[j, 3]
        for p in range(first[subject], first[subject + 1]):
            if start[p] <= at and at < end[p] and length > waiting[p]:
                if year[p] != rows[j, 0]:
                    year[p], used[p] = rows[j, 0], 0
                pay = min(rate[p] * (length - retained[p]), limit[p], aggregate[p] - used[p])
                used[p] += pay
                totals[rows[j, 0]] += pay


def numba_plain(book: Book, rows: I64, years: int) -> I64:
    """A loop over outages and over the policies of their subject."""
    first, start, end, waiting, retained, rate, _, limit, aggregate, _ = book.policies
    totals = np.zeros(years, np.int64)
    _numba_plain(rows, first, start, end, waiting, retained, rate, limit, aggregate, totals)
    return totals


def numpy_plain(book: Book, rows: I64, years: int) -> I64:
    """Policy by policy, over all outages of its subject."""
    first, start, end, waiting, retained, rate, _, limit, aggregate, _ = book.policies
    totals = np.zeros(years, np.int64)
    for subject in range(len(book.world.order)):
        own = rows[rows[:, 1] == subject]
        for p in range(first[subject], first[subject + 1]):
            hit = own[(own[:, 2] >= start[p]) & (own[:, 2] < end[p]) & (own[:, 3] > waiting[p])]
            pay = np.minimum(rate[p] * (hit[:, 3] - retained[p]), limit[p])
            paid = np.zeros(years, np.int64)
            np.add.at(paid, hit[:, 0], pay)
            totals += np.minimum(paid, aggregate[p])
    return totals


def pandas_plain(book: Book, rows: I64, years: int) -> I64:
    """Outages joined with policies, filtered, grouped by year and policy."""
    first, *columns = book.policies
    names = ("start", "end", "waiting", "retained", "rate", "benefit", "limit", "aggregate", "reserve")
    policies = pd.DataFrame(dict(zip(names, columns, strict=True)))
    policies["subject"] = np.repeat(np.arange(first.size - 1), np.diff(first))
    policies["policy"] = np.arange(len(policies))
    outages = pd.DataFrame(rows[:, :4], columns=["year", "subject", "at", "length"])
    totals = np.zeros(years, np.int64)
    for _, part in outages.groupby("subject"):
        joined = part.merge(policies, on="subject")
        joined = joined[
            (joined["at"] >= joined["start"]) & (joined["at"] < joined["end"]) & (joined["length"] > joined["waiting"])
        ]
        joined["pay"] = (joined["rate"] * (joined["length"] - joined["retained"])).clip(upper=joined["limit"])
        sums = joined.groupby(["year", "policy"]).agg(pay=("pay", "sum"), aggregate=("aggregate", "first"))
        paid = sums["pay"].clip(upper=sums["aggregate"]).groupby("year").sum()
        totals[paid.index.to_numpy()] += paid.to_numpy()
    return totals


def baselines(book: Book, repeat: int) -> dict[str, dict[str, float]]:
    """Policy-years a second of each plain way, and how its time grows when the years double (2: linear)."""
    found: dict[str, dict[str, float]] = {}
    policies = len(book.covers)
    for name, way, years in (
        ("numba", numba_plain, 10_000),
        ("numpy", numpy_plain, 4_000),
        ("pandas", pandas_plain, 400),
    ):
        rows = book.trace(SEED, np.arange(years))
        half = rows[rows[:, 0] < years // 2]
        exact = book.simulate(SEED, 0, years // BLOCK_YEARS)
        if not np.array_equal(way(book, rows, years), exact):
            raise RuntimeError(f"{name} does not pay what the simulation pays")
        seconds = median_seconds(lambda way=way, rows=rows, years=years: way(book, rows, years), repeat)  # type: ignore[misc]
        part = median_seconds(lambda way=way, half=half, years=years: way(book, half, years), repeat)  # type: ignore[misc]
        found[name] = {"policy_years_per_s": policies * years / seconds, "time_of_double": seconds / part}
    return found


def marginal_milliseconds(book: Book, totals: I64, candidates: int = 60) -> float:
    """Median time of an exact marginal capital on the stored tail."""
    stored = store_tail(book, SEED, totals)
    rng = np.random.default_rng(SEED + 2)
    chosen = rng.choice(len(book.covers), candidates + 1)
    times = []
    for i, k in enumerate(chosen):
        like = book.covers[k]
        candidate = Cover(f"candidate-{i}", like.subject, like.terms, like.start, like.end)
        before = time.perf_counter()
        stored.marginal(candidate)
        times.append(time.perf_counter() - before)
    return 1_000.0 * float(np.median(times[1:]))


def measure(years: int, repeat: int) -> dict[str, Any]:
    say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    blocks = years // BLOCK_YEARS
    world = standard_world()
    book = standard_book(10_000, world)
    before = time.perf_counter()
    book.simulate(SEED, 0, 1)
    say(f"compiled or loaded in {time.perf_counter() - before:.1f} s")
    one = median_seconds(lambda: run_local(book.plan, SEED, blocks, 1), repeat)
    say(f"one core: {one:.2f} s")
    two = median_seconds(lambda: run_local(book.plan, SEED, blocks, 2), repeat)
    say(f"two cores: {two:.2f} s")
    totals = run_local(book.plan, SEED, blocks, 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    marginal = marginal_milliseconds(book, totals)
    say(f"marginal: {marginal:.2f} ms")
    sample = min(blocks, 500)
    sizes = {n: standard_book(n, world).plan for n in (1_000, 100_000)}
    grown = [
        [median_seconds(lambda plan=plan: run_local(plan, SEED, sample, 1), 1) for plan in sizes.values()]  # type: ignore[misc]
        for _ in range(repeat + 2)
    ]
    growth = float(np.median([large / small for small, large in grown]))
    incidents = len(book.trace(SEED, np.arange(1_000))) * sample * BLOCK_YEARS // 1_000
    bound = bound_seconds(world, sample, incidents, repeat)
    ours = median_seconds(lambda: run_local(book.plan, SEED, sample, 1), repeat)
    say(f"bound: {bound / incidents * 1e9:.1f} ns an incident, ours {ours / incidents * 1e9:.1f}")
    plain = baselines(book, repeat)
    fast = len(book.covers) * years / one
    best = max(each["policy_years_per_s"] for each in plain.values())
    return {
        "policy_years_per_s_1core": fast,
        "policy_years_per_s_2core": len(book.covers) * years / two,
        "ratio_best_exact_baseline": fast / best,
        "ratio_to_bound": ours / bound,
        "peak_mib": peak,
        "time_100000_over_1000_policies": growth,
        "marginal_ms": marginal,
        "years": years,
        "incidents_a_year": incidents / (sample * BLOCK_YEARS),
        "baselines": plain,
        "baselines_missing": ["duckdb", "polars"],
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=1e6)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = measure(int(chosen.years) // BLOCK_YEARS * BLOCK_YEARS, chosen.repeat)
    if chosen.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}")


if __name__ == "__main__":
    main()
