"""A fit as plain values, and the name that follows from them: the model version that quotes carry.

The record holds everything that a price is made from: data (by their digest), settings, code, and the parameters to
twelve digits. The version is the hash of the record, so a stored fit can't be changed unseen.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd

from pricing_models import __version__
from pricing_models.aging import Aged, AgeNode
from pricing_models.bodies import BODIES
from pricing_models.covariates import AgeEffect, AgeForm
from pricing_models.duration import DurationFit
from pricing_models.errors import InvalidData
from pricing_models.experience import Experience
from pricing_models.frequency import FrequencyFit, FrequencyPrior, time_at_risk
from pricing_models.grids import Nodes
from pricing_models.lengths import DurationPosterior, SplicedPosterior
from pricing_models.overrides import Override
from pricing_models.scoring import DurationPrior
from pricing_models.tails import Tail

VERSION_DIGITS = 16
PRICED = (
    "aging",
    "bodies",
    "capacity",
    "cells",
    "collapse",
    "compound",
    "covariates",
    "curves",
    "duration",
    "errors",
    "experience",
    "fourier",
    "frequency",
    "grids",
    "jit",
    "kernels",
    "lengths",
    "model",
    "observation",
    "overrides",
    "paid",
    "payoff",
    "payout_grid",
    "premium",
    "pricing",
    "principles",
    "scoring",
    "tails",
    "uncertainty",
    "versions",
    "windows",
)
"""The modules that a price goes through; a change in any of them, be it of a comment, makes another version."""


@cache
def code_version() -> str:
    """The package's version and the digest of the sources of `PRICED`: constants of an installation."""
    digest = hashlib.sha256()
    for name in PRICED:
        source = resources.files("pricing_models").joinpath(f"{name}.py").read_text(encoding="utf-8")
        digest.update(f"{name}\0{source}\0".encode())
    return f"{__version__}+{digest.hexdigest()[:VERSION_DIGITS]}"


def data_digest(subjects: pd.DataFrame, outages: pd.DataFrame) -> str:
    """Digest of both tables as they were fitted; the order of the rows is not among what it tells."""
    text = _canonical(subjects, ["subject_id"]) + "\0" + _canonical(outages, ["subject_id", "start", "event_id"])
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(frame: pd.DataFrame, order: list[str]) -> str:
    ordered = frame.sort_values(order, kind="stable")
    return ordered.to_csv(index=False, float_format="%.12g", lineterminator="\n")


def version_of(record: Mapping[str, Any]) -> str:
    """The name of a fit: the first digits of the hash of its record."""
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def to_record(
    data: str,
    settings: Mapping[str, Any],
    aged: Aged,
    lengths: DurationFit,
    overrides: Mapping[str, Override],
    code: str | None = None,
) -> dict[str, Any]:
    """The record of a fit, all of it JSON; `data` is the digest of its tables."""
    experience = aged.experience
    subjects = experience.subjects.sort_index()
    durations = experience.durations.sort_values(["subject_id", "start", "event_id"], kind="stable")
    record = {
        "code": code or code_version(),
        "data": data,
        "as_of": experience.as_of,
        "settings": dict(settings),
        "subjects": subjects.reset_index().to_dict("list"),
        "durations": durations.to_dict("list"),
        "tally": experience.tally.to_dict("list"),
        "age": asdict(aged.effect),
        "rates": _rates(aged.rates),
        "age_nodes": [
            {
                "coefficients": node.effect.coefficients,
                "years": time_at_risk(node.rates.experience.subjects.sort_index()).to_numpy(),
                "rates": _rates(node.rates),
            }
            for node in aged.nodes
        ],
        "lengths": {name: _law(law) for name, law in sorted(lengths.groups.items())},
        "told": {name: _law(law) for name, law in sorted(lengths.told.items())},
        "scores": lengths.scores.rename_axis("name").reset_index().to_dict("list"),
        "chosen": lengths.chosen,
        "permanent": lengths.permanent,
        "overrides": {name: asdict(each) for name, each in sorted(overrides.items())},
    }
    return _plain(record)  # type: ignore[no-any-return]


def _rates(fitted: FrequencyFit) -> dict[str, Any]:
    nodes = sorted(fitted.groups.items())
    return {name: {"x": each.x, "y": each.y, "weights": each.weights} for name, each in nodes}


def _law(law: DurationPosterior) -> dict[str, Any]:
    names = ("mu", "sigma", "weights", "shape")
    found: dict[str, Any] = {"body": law.body.name, "source": law.source, "permanent": law.permanent}
    found |= {name: getattr(law, name) for name in names}
    if isinstance(law, SplicedPosterior):
        tail = {name: getattr(law.tail, name) for name in ("xi", "beta", "weights")}
        found |= {"threshold": law.threshold, "tail": tail}
    return found


def _plain(value: Any) -> Any:
    """The value as JSON takes it: numbers of twelve digits, what is not finite as a word."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.12g}") if np.isfinite(value) else str(value)
    return value


# Back from a record

_FIELDS = (
    "as_of",
    "settings",
    "subjects",
    "durations",
    "tally",
    "age",
    "age_nodes",
    "rates",
    "lengths",
    "told",
    "scores",
    "chosen",
    "permanent",
    "overrides",
)


def of_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a record holds, by the names of `Model`'s fields; raises `InvalidData` when it is no record of a fit, or one
    of older code, which held other things."""
    missing = [name for name in _FIELDS if name not in record]
    if missing:
        written = f"written by code {record['code']}" if "code" in record else "of unknown origin"
        raise InvalidData(
            f"record of a fit: lacks {', '.join(missing)}, {written}; must be one that this code wrote, "
            f"{code_version()}: fit the data of that day again"
        )
    try:
        settings = record["settings"]
        merge_gap = settings["merge_gap_seconds"]
        frame = pd.DataFrame(record["subjects"]).set_index("subject_id")
        for name in ("launch", "last_halt", "exposure_years", "floor_seconds"):
            frame[name] = frame[name].astype(float)
        numbers = dict.fromkeys(("start", "low", "high", "floor"), float)
        durations, tally = pd.DataFrame(record["durations"]).astype(numbers), pd.DataFrame(record["tally"])
        known = Experience(frame, durations, float(record["as_of"]), merge_gap, tally)
        priors = dict(settings["duration"]) | {"bodies": tuple(settings["duration"]["bodies"])}
        form, prior = record["age"]["form"], FrequencyPrior(**settings["frequency"])
        laws, told = ({name: _law_of(law) for name, law in record[of].items()} for of in ("lengths", "told"))
        scores = pd.DataFrame(record["scores"]).set_index("name").rename_axis(None)
        body = next(iter(laws.values())).body
        return {
            "experience": known,
            "age": AgeEffect(form, tuple(map(float, record["age"]["coefficients"]))),
            "age_nodes": tuple(_node_of(each, form, known, prior) for each in record["age_nodes"]),
            "frequency": FrequencyFit(_rates_of(record["rates"]), known, prior),
            "duration": DurationFit(body, scores, laws, float(record["permanent"]), str(record["chosen"]), told),
            "settings": (merge_gap, prior, DurationPrior(**priors), settings["age"]),
            "overrides": {name: Override(**each) for name, each in record["overrides"].items()},
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidData(f"record of a fit: {type(error).__name__}: {error}; must be one that a fit wrote") from error


def _rates_of(record: Mapping[str, Any]) -> dict[str, Nodes]:
    return {
        name: Nodes(np.array(each["x"]), np.array(each["y"]), np.array(each["weights"]))
        for name, each in record.items()
    }


def _node_of(record: Mapping[str, Any], form: AgeForm, known: Experience, prior: FrequencyPrior) -> AgeNode:
    years = np.array(record["years"], dtype=float)
    own = replace(known, subjects=known.subjects.assign(operational_years=years))
    effect = AgeEffect(form, tuple(map(float, record["coefficients"])))
    return AgeNode(effect, FrequencyFit(_rates_of(record["rates"]), own, prior))


def _law_of(record: Mapping[str, Any]) -> DurationPosterior:
    arrays = {name: np.array(record[name], dtype=float) for name in ("mu", "sigma", "weights", "shape")}
    whole: dict[str, Any] = {"body": BODIES[record["body"]], "source": str(record["source"])}
    whole |= {"permanent": float(record["permanent"])} | arrays
    if "tail" not in record:
        return DurationPosterior(**whole)
    tail = Tail(*(np.array(record["tail"][name], dtype=float) for name in ("xi", "beta", "weights")))
    return SplicedPosterior(**whole, threshold=float(record["threshold"]), tail=tail)
