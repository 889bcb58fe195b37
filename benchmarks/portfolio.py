"""The portfolio simulation on a standard pool: speed, memory, and how much faster than plain ways to do the same.

    python -m benchmarks.portfolio [--years 1e6] [--repeat 5] [--plain-years 20000] [--json]

The pool: 20 L1s, 180 rollups that each L1 halt is passed on to with 0.9, about 300 halts a year, 10,000 policies with
term windows, incident limit 24 h, aggregate limit 100 h, uncertain rates and lengths. Figures are medians. Speeds are
by the wall clock, and once more by processor time (`cpu`), which other work on the machine moves less; ratios are of
processor times. The plain ways are given the incidents, so that their times hold no random draws; each pays to the unit
what the simulation pays. Needs the extra `bench`.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.plain_ways import WAYS, incidents
from insure.simulation import cores, run_local
from pricing_models.duration import BODIES, DurationPosterior
from pricing_models.frequency import RatePosterior
from pricing_models.jit import compiled
from pricing_models.marginal import StoredTail, store_tail
from pricing_models.payoff import Semantics, Terms
from pricing_models.portfolio import Book, Cover, Link, Process, World
from pricing_models.simulate.outages import BLOCK_YEARS, YEAR, draw_parameters, law_of, own_outages
from pricing_models.surface import surface

I64 = NDArray[np.int64]

HOUR, DAY = 3_600, 86_400
SLOWEST_BASELINES = ("numpy", "pandas", "duckdb", "polars")
L1S, ROLLUPS, PASSED_ON, HALTS = 20, 180, 0.9, 300.0
SEED = 1


def standard_world(permanent: float = 0.0) -> World:
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
        permanent,
    )
    names = [f"l1-{i:02d}" for i in range(L1S)] + [f"rollup-{i:03d}" for i in range(ROLLUPS)]
    subjects = []
    for i, name in enumerate(names):
        shapes = np.exp(rng.normal(1.0, 0.3, 256))
        rate = RatePosterior(shapes, shapes / own, np.full(256, 1.0 / 256), 0.5, "standard")
        subjects.append(Process(name, rate, law, "l1" if i < L1S else "rollup"))
    links = tuple(Link(names[L1S + i], names[i % L1S], PASSED_ON) for i in range(ROLLUPS))
    return World(tuple(subjects), (), links)


def standard_book(policies: int, world: World, alike: bool = True) -> Book:
    """Policies spread evenly over the subjects, beginning at any second; unless `alike` no two have the same waiting
    period and limits."""
    rng = np.random.default_rng(SEED + 1)
    covers = []
    for k in range(policies):
        start = int(rng.integers(-90 * DAY, YEAR))
        rate = int(rng.integers(100, 100_000))
        other = 0 if alike else int(rng.integers(0, HOUR))
        terms = Terms(
            int(rng.choice([1, 2, 4, 8])) * HOUR + other,
            Semantics.RETENTION if rng.uniform() < 0.5 else Semantics.QUALIFYING,
            rate,
            0,
            (24 * HOUR + 7 * other) * rate,
            100 * HOUR * rate,
        )
        subject = world.subjects[k % len(world.subjects)].id
        covers.append(Cover(f"p{k}", subject, terms, start, start + int(rng.choice([30, 90, 180, 365])) * DAY))
    return Book(tuple(covers), world)


def timed(work: Callable[[], Any], repeat: int) -> tuple[float, float]:
    """Median seconds by the wall clock and of the processor."""
    times = []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        times.append((time.perf_counter() - wall, time.process_time() - cpu))
    found = np.median(np.array(times), axis=0)
    return float(found[0]), float(found[1])


# The bound: nobody can draw fewer numbers or look fewer things up


@compiled
def _draw_all(world, needed, key, first_block, blocks):
    parameters = draw_parameters(world, needed, key, first_block, blocks)
    own, words = np.empty(4096, np.uint64), np.empty(8192, np.uint64)
    gaps, variates, lengths = np.empty(4096), np.empty(4096), np.empty(4096, np.uint64)
    drawn = 0
    for i in range(world[0].size):
        for b in range(blocks):
            law = law_of(world, i, parameters[i, b])
            n = own_outages(
                np.uint64(world[0][i]), first_block + b, key, parameters[i, b, 0], law, own, words, gaps, variates,
                lengths,
            )  # fmt: skip
            drawn += n
    return drawn


@compiled
def _gather(table, places):
    total = 0
    for i in range(places.size):
        total += table[places[i]]
    return total


def bound_seconds(world: World, blocks: int, found: int, repeat: int) -> float:
    """Draws of all outages, and one gather of 2 MiB's worth of table for each incident that meets a subject."""
    key, needed = (np.uint64(SEED), np.uint64(0)), np.ones(len(world.order), np.bool_)
    _draw_all(world.arrays, needed, key, 0, 1)
    draws = timed(lambda: _draw_all(world.arrays, needed, key, 0, blocks), repeat)[1]
    rng = np.random.default_rng(0)
    table, places = rng.integers(0, 99, 2**18), rng.integers(0, 2**18, found)
    _gather(table, places[:9])
    return draws + timed(lambda: _gather(table, places), repeat)[1]


def baselines(book: Book, years: int, repeat: int) -> dict[str, dict[str, float]]:
    """Policy-years a second of each plain way, and how its time grows when the years double (2: linear)."""
    found: dict[str, dict[str, float]] = {}
    rows = incidents(book.trace(SEED, np.arange(years)))
    half = rows[rows[:, 0] < years // 2]
    exact = book.simulate(SEED, 0, years // BLOCK_YEARS)
    for name, way in WAYS.items():
        if not np.array_equal(way(book, rows, years), exact):
            raise RuntimeError(f"{name} does not pay what the simulation pays")
        times = 1 if name in SLOWEST_BASELINES else repeat
        seconds = timed(lambda way=way: way(book, rows, years), times)[1]  # type: ignore[misc]
        part = timed(lambda way=way: way(book, half, years), times)[1]  # type: ignore[misc]
        found[name] = {
            "policy_years_per_cpu_s": len(book.covers) * years / seconds,
            "time_of_double": seconds / part,
            "years": years,
        }
        say(f"{name}: {found[name]['policy_years_per_cpu_s']:.3g} policy-years a second of the processor")
    return found


def candidates(stored: StoredTail, repeat: int = 60) -> dict[str, float]:
    """Median times of exact marginal capital, replays included, and of a look at the surface, and how far it is off."""
    rng = np.random.default_rng(SEED + 2)
    book = stored.book
    exact_ms, replayed = [], 0
    for i, k in enumerate(rng.choice(len(book.covers), repeat + 1)):
        candidate = replace(book.covers[k], id=f"candidate-{i}")
        before = time.perf_counter()
        replayed += stored.marginal(candidate).replayed
        exact_ms.append(1e3 * (time.perf_counter() - before))
    subject = book.world.subjects[-1].id
    hard = {f"{name}_ms": 1e3 * timed(work, repeat // 10)[0] for name, work in hard_cases(stored, subject).items()}
    before = time.perf_counter()
    table = surface(stored, subject)
    built = time.perf_counter() - before
    looks_us, apart, scale = [], [], []
    for i in range(repeat):
        rate = max(1, int(rng.uniform(0.05, 0.9) * stored.room) // (100 * HOUR))
        terms = Terms(int(rng.integers(0, 8 * HOUR)), Semantics.RETENTION, rate, 0, 24 * HOUR * rate, 100 * HOUR * rate)
        term = int(rng.integers(30, 366)) * DAY
        before = time.perf_counter()
        guess = table.capital(terms, term)
        looks_us.append(1e6 * (time.perf_counter() - before))
        right = float(stored.marginal(Cover(f"c{i}", subject, terms, 0, term)).capital)
        apart.append(abs(guess - right))
        scale.append(right)
    return {
        "marginal_ms": float(np.median(exact_ms[1:])),
        "marginal_ms_largest": float(np.max(exact_ms[1:])),
        "marginal_replayed": float(replayed),
        **hard,
        "surface_us": float(np.median(looks_us)),
        "surface_build_s": built,
        "surface_mean_error": float(np.sum(apart) / np.sum(scale)),
    }


def hard_cases(stored: StoredTail, subject: str) -> dict[str, Callable[[], Any]]:
    """A candidate so large that all years are looked at, and the first on a subject that nobody is covered on."""
    large = int(stored.totals.max()) // (100 * HOUR) + 1
    terms = Terms(HOUR, Semantics.RETENTION, large, 0, 24 * HOUR * large, 100 * HOUR * large)
    small = replace(terms, rate_per_second=1, incident_limit=24 * HOUR, aggregate_limit=100 * HOUR)

    def first_on_subject() -> None:
        stored.rows.pop(subject)
        stored.marginal(Cover("small", subject, small, 0, 90 * DAY))

    return {
        "marginal_of_a_large_one": lambda: stored.marginal(Cover("large", subject, terms, 0, 90 * DAY)),
        "marginal_first_on_subject": first_on_subject,
    }


def machine() -> str:
    """Processor and cores, as the system tells them."""
    try:
        with open("/proc/cpuinfo") as told:
            names = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    except OSError:
        names = []
    return f"{cores()} cores, {names[0] if names else platform.machine()}"


def commit() -> str:
    asked = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def speed(book: Book, blocks: int, workers: int, repeat: int) -> dict[str, float]:
    """Policy-years a second."""
    wall, cpu = timed(lambda: run_local(book.plan, SEED, blocks, workers), repeat)
    years = len(book.covers) * blocks * BLOCK_YEARS
    say(f"{len(book.covers)} policies, {workers} cores: {wall:.2f} s, {cpu:.2f} s of the processor")
    return {"wall": years / wall, "cpu": years / cpu, "seconds": cpu}


def growth(world: World, blocks: int, repeat: int, alike: bool = True) -> float:
    """Time for 100,000 policies over that for 1,000: the median of runs side by side."""
    plans = [standard_book(n, world, alike).plan for n in (1_000, 100_000)]
    pairs = [[timed(lambda plan=plan: run_local(plan, SEED, blocks, 1), 1)[1] for plan in plans] for _ in range(repeat)]  # type: ignore[misc]
    return float(np.median([large / small for small, large in pairs]))


def measure(years: int, repeat: int, plain_years: int) -> dict[str, Any]:
    blocks = years // BLOCK_YEARS
    world = standard_world()
    book = standard_book(10_000, world)
    book.simulate(SEED, 0, 1)
    sample = min(blocks, 500)
    two = speed(book, blocks, 2, repeat)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    one = speed(book, blocks, 1, repeat)
    short = speed(book, sample, 1, repeat)
    met = len(incidents(book.trace(SEED, np.arange(2_000)))) * sample * BLOCK_YEARS // 2_000
    bound = bound_seconds(world, sample, met, repeat)
    totals = run_local(book.plan, SEED, blocks, 2)
    found = {
        "measured": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "commit": commit(),
        "policy_years_per_s_1core": one["wall"],
        "policy_years_per_s_2core": two["wall"],
        "policy_years_per_cpu_s_1core": one["cpu"],
        "policy_years_per_cpu_s_2core": two["cpu"],
        "ratio_to_bound": short["seconds"] / bound,
        "ns_per_incident": 1e9 * short["seconds"] / met,
        "ns_per_incident_bound": 1e9 * bound / met,
        "peak_mib": peak,
        "time_100000_over_1000_policies": growth(world, min(blocks, 2_048), repeat + 2),
        "time_100000_over_1000_with_all_terms_different": growth(world, min(blocks, 512), repeat, alike=False),
        **candidates(store_tail(book, SEED, totals)),
        "peak_mib_with_stored_tail": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0,
        "cpu_speed_with_stops_for_good": speed(standard_book(10_000, standard_world(0.02)), sample, 1, repeat)["cpu"],
        "cpu_speed_with_all_terms_different": speed(standard_book(10_000, world, False), sample, 1, repeat)["cpu"],
        "years": years,
        "incidents_a_year": met / (sample * BLOCK_YEARS),
        "repeat": repeat,
        "cores": cores(),
        "load_average": os.getloadavg()[1],
    }
    plain = baselines(book, plain_years, repeat)
    best = max(each["policy_years_per_cpu_s"] for each in plain.values())
    return {**found, "ratio_best_exact_baseline": one["cpu"] / best, "baselines": plain}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=float, default=1e6)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--plain-years", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    years, plain = (int(each) // BLOCK_YEARS * BLOCK_YEARS for each in (chosen.years, chosen.plain_years))
    found = measure(years, chosen.repeat, plain)
    if chosen.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:32} {value:.4g}" if isinstance(value, float) else f"{name:32} {value}")


if __name__ == "__main__":
    main()
