"""What the command line prints of fits: plain values for JSON, and the same as tables."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np
from rich.table import Table

from insure.records.units import duration_text
from pricing_models.account import Account, account
from pricing_models.experience import YEAR_SECONDS
from pricing_models.model import Model
from pricing_models.overrides import Override
from pricing_models.pricing import Enquiry
from pricing_models.refit import Move, Refit

_WINDOWS = {"90 days": 90.0 * 86_400.0 / YEAR_SECONDS, "a year": 1.0}


def fit_facts(model: Model) -> dict[str, Any]:
    """The whole fit: what it rests on, its groups, its law of lengths and the others' scores, the overrides."""
    subjects = model.experience.subjects
    groups = {
        name: {"mean_rate": float(n.weights @ np.exp(n.x)), "spread_cv": float(n.weights @ np.exp(-n.y / 2.0))}
        for name, n in model.frequency.groups.items()
    }
    lengths = {
        name: {
            "median_seconds": law.quantile(0.5),
            "p90_seconds": law.quantile(0.9),
            "beyond_a_day": float(law.sf(np.array([86_400.0]))[0]),
            "rests_on": law.source,
        }
        for name, law in model.duration.groups.items()
    }
    return {
        "model_version": model.version,
        "as_of": _day(model.experience.as_of),
        "data": model.data,
        "code": model.code,
        "subjects": len(subjects),
        "halts": int(subjects["halts"].sum()),
        "exposure_years": float(subjects["exposure_years"].sum()),
        "counted": _account(account(model.experience)),
        "age": asdict(model.age),
        "rates": groups,
        "lengths": lengths,
        "law_of_lengths": model.duration.chosen,
        "scores": {str(name): dict(row) for name, row in model.duration.scores.to_dict("index").items()},
        "permanent_share": model.duration.permanent,
        "overrides": [override_json(each) for each in model.overrides.values()],
    }


def subject_facts(model: Model, subject_id: str) -> dict[str, Any]:
    """One subject: its experience, the posterior of its rate, the halts to be expected, and the lengths of one.

    Raises `UnknownSubject` when the fit has none of that id.
    """
    rate, law = model.rate(subject_id), model.length(subject_id)
    experience = model.experience.table().loc[subject_id].to_dict()
    low, high = rate.interval(0.9)
    override = model.overrides.get(subject_id)
    return {
        "subject": subject_id,
        "model_version": model.version,
        "as_of": _day(model.experience.as_of),
        "experience": {str(name): _plain(value) for name, value in experience.items()},
        "counted": _account(account(model.experience, subject_id)),
        "rate": {
            "mean": rate.mean,
            "sd": rate.sd,
            "low": low,
            "high": high,
            "credibility": rate.credibility,
            "rests_on": rate.source,
        },
        "halts": {
            name: model.rate(subject_id, ahead_seconds=years * YEAR_SECONDS).predictive(years)[:5].tolist()
            for name, years in _WINDOWS.items()
        },
        "length": {
            **{f"p{round(100 * p)}_seconds": _plain(law.quantile(p)) for p in (0.5, 0.9, 0.95)},
            "permanent": law.permanent,
            "rests_on": law.source,
        },
        "override": None if override is None else override_json(override),
    }


def _account(found: Account) -> dict[str, Any]:
    """The account of what was counted and left out, in the order in which rows become halts."""
    return {
        "rows_of_outages": found.rows,
        **{f"left_out: {why}": dict(perils) for why, perils in found.left_out.items()},
        "halts_or_parts_of_one": dict(found.counted),
        "merged_within_seconds": found.merge_gap_seconds,
        "halts": found.halts,
        "of_them_in_the_rates": found.in_rates,
        "of_subjects_outside_the_universe": found.unwatched,
        "while_nobody_counted": found.outside,
        "of_unlisted_subjects": found.unlisted,
        "lengths": dict(found.lengths),
        "subjects_by_floor_seconds": {
            f"{floor:g}" if floor else "none stated": count for floor, count in found.floors.items()
        },
    }


def facts_tables(found: Mapping[str, Any]) -> list[Table]:
    """Such values as tables: plain ones first, then one for each group of them."""
    title = str(found.get("subject", f"model {found['model_version']}"))
    first = _two_columns(title, {name: each for name, each in found.items() if not isinstance(each, (dict, list))})
    rest = [_two_columns(name.replace("_", " "), each) for name, each in found.items() if isinstance(each, dict)]
    overrides = [_two_columns("override", each) for each in found.get("overrides", ())]
    return [first, *rest, *overrides]


def _two_columns(title: str, values: Mapping[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column("")
    table.add_column("", overflow="fold")
    for name, value in values.items():
        words = _words(name, value)
        if isinstance(value, dict):
            words = "; ".join(f"{key.replace('_', ' ')} {_words(key, each)}" for key, each in value.items())
            counts = [each for each in value.values() if isinstance(each, int)]
            words = f"{sum(counts)}: {words}" if counts and len(counts) == len(value) else words
        table.add_row(name.replace("_", " "), words)
    return table


def _words(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"{each:.1%}" for each in value) + " for 0, 1, ... halts"
    if name in ("launch", "last_halt") and value is not None:
        return _day(value)
    if isinstance(value, float):
        return duration_text(value) if name.endswith("_seconds") else f"{value:.4g}"
    return "none" if value is None else str(value)


def refit_json(moved: Refit) -> dict[str, Any]:
    """A comparison of two fits as JSON; prices are strings of whole smallest units."""
    return {
        "from": moved.old,
        "to": moved.new,
        "compared": moved.compared,
        "other": list(moved.settings),
        "gone": [each.subject_id for each in moved.gone],
        "moved": [
            {
                "subject": each.enquiry.subject_id,
                "term_seconds": each.enquiry.term_seconds,
                "before": str(round(each.before)),
                "after": str(round(each.after)),
                "change": each.change,
                "by_rate": each.by_rate,
                "by_lengths": each.by_lengths,
                "reasons": list(each.reasons),
            }
            for each in moved.moves
        ],
    }


def refit_tables(moved: Refit) -> list[Table]:
    """The same as a table: prices that moved, largest move first, and why."""
    title = f"{len(moved.moves)} of {moved.compared} prices moved by more than 10% from {moved.old} to {moved.new}"
    notes = [*moved.settings, *(f"{each.subject_id} is gone from the data" for each in moved.gone)]
    table = Table(title=title, caption="\n".join(notes), title_justify="left", caption_justify="left")
    for heading in ("subject", "cover"):
        table.add_column(heading, overflow="fold")
    for heading in ("change", "by rate", "by lengths"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for each in moved.moves:
        table.add_row(each.enquiry.subject_id, _cover(each.enquiry), *_changes(each), "\n".join(each.reasons))
    return [table]


def _changes(move: Move) -> tuple[str, ...]:
    return tuple(f"{each:+.1%}" for each in (move.change, move.by_rate, move.by_lengths))


def _cover(enquiry: Enquiry) -> str:
    terms = enquiry.terms
    return f"{terms.semantics} after {duration_text(terms.waiting_seconds)} for {duration_text(enquiry.term_seconds)}"


def override_json(override: Override) -> dict[str, Any]:
    """What an underwriter put in the place of a fitted rate, who and why."""
    return {
        "subject": override.subject_id,
        "rate": override.rate,
        "by": override.by,
        "since": _day(override.since),
        "reason": override.reason,
    }


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _plain(value: Any) -> Any:
    """The value as JSON takes it; nothing for what is not finite."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
