"""Do fits find what their data were made from? `make calibrate` has p-values of uniformity.

Of rates and of the effect of age with 10, 40 and 200 subjects, of lengths with so many halts.
"""

import argparse
import json
import sys

from pricing_models.calibration import KINDS, calibrate

LEAST_P = 0.001


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="simulated histories of each size")
    runs = parser.parse_args().runs
    found = {kind: {size: calibrate(runs, size, kind=kind) for size in (10, 40, 200)} for kind in KINDS}
    print(json.dumps(found, indent=1))
    if min(p for sizes in found.values() for shares in sizes.values() for p in shares.values()) < LEAST_P:
        sys.exit("not calibrated: a share below the truth is not uniform")


if __name__ == "__main__":
    main()
