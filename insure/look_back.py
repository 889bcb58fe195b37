"""The last look back, as `insure model backtest` wrote it: were the prices right in the past?"""

import json
from pathlib import Path

from insure.errors import InvalidInput
from insure.records.views import BookYear, LengthScore, LookBack, ModelScore, Spread

_HERE = Path(__file__).resolve().parent


def default_file() -> Path:
    """The packaged results, else the repository's."""
    packaged = _HERE / "_results" / "backtest.json"
    return packaged if packaged.is_file() else _HERE.parent / "results" / "backtest.json"


def read_look_back(path: Path | None = None) -> LookBack | None:
    """The look back in a file, None if there is no such file; raises `InvalidInput` when it is no look back."""
    file = path or default_file()
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text())
        year = found["frequency"]["year"]
        candidates = year["candidates"]["all"]
        by_year, lengths = found["book"]["by_year"], found["lengths"]
        return LookBack(
            as_of=str(found["as_of"]),
            model_version=str(found["model_version"]),
            baseline=str(found["baseline"]),
            shipped=str(found["shipped"]),
            is_simplest=bool(found["shipped_is_the_simplest_within_one_se"]),
            models=tuple(_score(str(name), row) for name, row in candidates.items()),
            pit=tuple(float(share) for share in year["pit"]["shares"]),
            pit_p_value=float(year["pit"]["p_value"]),
            simulated={
                f"{fit}: {figure}": float(p_value)
                for fit, study in found["calibration"].items()
                for figure, p_value in study["p_values"].items()
            },
            spread=tuple(Spread(float(each["expected"]), int(each["observed"])) for each in year["spread"]),
            book=tuple(_year(str(name), row) for name, row in by_year.items()),
            against=tuple(str(line) for line in found["unflattering"]),
            lengths=tuple(_length(str(name), row) for name, row in lengths.get("candidates", {}).items()),
            lengths_shipped=str(lengths.get("shipped", "")),
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{file}: is no look back: {error}; `insure model backtest` writes one") from error


def _score(name: str, row: dict[str, float]) -> ModelScore:
    return ModelScore(
        name=name,
        parameters=int(row["parameters"]),
        gain=float(row["gain"]),
        gain_low=float(row["gain_low"]),
        gain_high=float(row["gain_high"]),
        behind_best=float(row["behind_best"]),
        behind_best_se=float(row["behind_best_se"]),
        crps=float(row["crps"]),
        coverage_90=float(row["coverage_90"]),
        expected=float(row["expected"]),
        observed=int(row["observed"]),
    )


def _length(name: str, row: dict[str, float]) -> LengthScore:
    return LengthScore(
        name=name,
        parameters=int(row["parameters"]),
        halts=int(row["halts"]),
        gain=float(row["gain"]),
        gain_low=float(row["gain_low"]),
        gain_high=float(row["gain_high"]),
        behind_best=float(row["behind_best"]),
        behind_best_se=float(row["behind_best_se"]),
        coverage=(float(row["coverage_50"]), float(row["coverage_80"]), float(row["coverage_90"])),
        expected_over_paid=float(row["expected_over_paid"]),
        expected_over_paid_low=float(row["expected_over_paid_5"]),
        expected_over_paid_high=float(row["expected_over_paid_95"]),
    )


def _year(name: str, row: dict[str, float]) -> BookYear:
    return BookYear(
        year=name,
        policies=int(row["policies"]),
        halts=int(row["halts"]),
        expected=float(row["expected"]),
        premium=float(row["premium"]),
        paid_low=float(row["paid_low"]),
        paid_base=float(row["paid_base"]),
        paid_high=float(row["paid_high"]),
    )
