"""Do fits find what their data were made from? `make calibrate`: p-values of uniformity, on all cores.

Rates and the effect of age in histories of 10, 40 and 200 subjects, lengths of every law with so many halts.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from insure.simulation import cores
from pricing_models.calibration import age_below, lengths_below, rates_below, uniformity
from pricing_models.scoring import CANDIDATES

LEAST_P = 0.001
SIZES = (10, 40, 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400, help="simulated histories of each size, for rates and age")
    parser.add_argument("--length-runs", type=int, default=200, help="the same for each law of lengths")
    chosen = parser.parse_args()
    found: dict[str, dict[int, dict[str, float]]] = {}
    with ProcessPoolExecutor(cores()) as pool:
        for name in (*OF_SUBJECTS, *CANDIDATES):
            runs = chosen.runs if name in OF_SUBJECTS else chosen.length_runs
            for size in SIZES:
                of = partial(OF_SUBJECTS.get(name, partial(_lengths, name=name)), size=size)
                p_values = uniformity(list(pool.map(of, range(runs), chunksize=8)))
                found.setdefault(name, {})[size] = p_values
                print(f"{name}, {size}: {json.dumps(p_values)}", file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))
    if min(min(each.values()) for sizes in found.values() for each in sizes.values()) < LEAST_P:
        sys.exit("not calibrated: a share below the truth is not uniform")


def _rates(seed: int, size: int) -> dict[str, float]:
    return rates_below(seed, size)


def _age(seed: int, size: int) -> dict[str, float]:
    return age_below(seed, size)


def _lengths(seed: int, size: int, name: str) -> dict[str, float]:
    return lengths_below(seed, size, name)


OF_SUBJECTS: Mapping[str, Callable[..., dict[str, float]]] = {"rates": _rates, "age": _age}


if __name__ == "__main__":
    main()
