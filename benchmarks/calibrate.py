"""Do fits find what their data were made from? `make calibrate`: 10, 40 and 200 subjects, p-values of uniformity."""

import argparse
import json
import sys

from pricing_models.calibration import calibrate

LEAST_P = 0.001


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=400, help="simulated histories of each size")
    found = {size: calibrate(parser.parse_args().runs, size) for size in (10, 40, 200)}
    print(json.dumps(found, indent=1))
    if min(min(each.values()) for each in found.values()) < LEAST_P:
        sys.exit("not calibrated: a share below the truth is not uniform")


if __name__ == "__main__":
    main()
