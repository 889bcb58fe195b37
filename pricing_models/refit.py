"""What a refit does to prices that were quoted: which moved, by how much, and why.

The move is taken apart by going from the old fit to the new one in two steps: first the rates, then the lengths. Both
are priced with today's code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pricing_models.errors import InvalidData, UnknownSubject
from pricing_models.model import Model
from pricing_models.overrides import Override
from pricing_models.premium import Loadings
from pricing_models.pricing import Enquiry, price_many

WORTH_TELLING = 0.1
_DAY = np.array([86400.0])


@dataclass(frozen=True)
class Move:
    """A quoted price under two fits (asset units); `by_rate` and `by_lengths` are the steps, as parts of `before`."""

    enquiry: Enquiry
    before: float
    after: float
    by_rate: float
    by_lengths: float
    reasons: tuple[str, ...]

    @property
    def change(self) -> float:
        """The move as a part of what the price was."""
        return self.after / self.before - 1.0


@dataclass(frozen=True)
class Refit:
    """The moves worth telling, largest first, of `compared` prices; `gone` are those whose subject the new fit lacks,
    `settings` says in words what else differs."""

    old: str
    new: str
    compared: int
    moves: tuple[Move, ...]
    gone: tuple[Enquiry, ...]
    settings: tuple[str, ...]


def report(
    old: Model,
    new: Model,
    quoted: Sequence[Enquiry],
    loadings: Sequence[Loadings] = (),
    least: float = WORTH_TELLING,
    floors: Sequence[int] = (),
) -> Refit:
    """The moves of more than `least` among the quoted prices, from the old fit to the new one.

    `loadings` are those of each quote, in their order, and `floors` the least premium (asset units) that each may be
    sold for; without any all have the usual loadings and no floor. A price below its floor is the floor.

    Raises `InvalidData` when `least` is no number of at least 0, or loadings or floors are not as many as the quotes.
    """
    if not (np.isfinite(least) and least >= 0.0):
        raise InvalidData(f"least is {least}: must be a finite number of at least 0")
    if loadings and len(loadings) != len(quoted):
        raise InvalidData(f"loadings are {len(loadings)}: must be as many as the quotes, {len(quoted)}, or none")
    if floors and len(floors) != len(quoted):
        raise InvalidData(f"floors are {len(floors)}: must be as many as the quotes, {len(quoted)}, or none")
    each_on = zip(quoted, loadings or [Loadings()] * len(quoted), floors or [0] * len(quoted), strict=True)
    priced = [one for one in each_on if _priced(old, one[0]) and _priced(new, one[0])]
    kept = [enquiry for enquiry, *_ in priced]
    rates = {name: getattr(new, name) for name in ("experience", "frequency", "age", "age_nodes", "overrides")}
    rated = replace(old, **rates)
    prices = [_totals(model, priced) for model in (old, rated, new)]
    moves = []
    for enquiry, before, between, after in zip(kept, *prices, strict=True):
        if abs(after / before - 1.0) > least:
            steps = between / before - 1.0, (after - between) / before
            moves.append(Move(enquiry, before, after, *steps, _reasons(old, new, enquiry)))
    moves.sort(key=lambda move: -abs(move.change))
    gone = tuple(each for each in quoted if not (_priced(old, each) and _priced(new, each)))
    return Refit(old.version, new.version, len(kept), tuple(moves), gone, _settings(old, new))


def _totals(model: Model, quoted: Sequence[tuple[Enquiry, Loadings, int]]) -> list[float]:
    """The premiums, none below its floor, in the order of the quotes; those of the same loadings are priced at once."""
    groups: dict[Loadings, list[int]] = {}
    for place, (_, loadings, _) in enumerate(quoted):
        groups.setdefault(loadings, []).append(place)
    found = [0.0] * len(quoted)
    for loadings, places in groups.items():
        for place, premium in zip(places, price_many(model, [quoted[i][0] for i in places], loadings), strict=True):
            found[place] = max(premium.total, float(quoted[place][2]))
    return found


def _priced(model: Model, enquiry: Enquiry) -> bool:
    try:
        model.rate(enquiry.subject_id, enquiry.kind)
    except UnknownSubject:
        return False
    return True


def _reasons(old: Model, new: Model, enquiry: Enquiry) -> tuple[str, ...]:
    """Rate and lengths under both, in words."""
    rates = [_rate_words(model, enquiry) for model in (old, new)]
    lengths = [_length_words(model, enquiry) for model in (old, new)]
    pairs = (("rate", rates), ("lengths", lengths))
    return tuple(f"{name}: {was} → {now}" for name, (was, now) in pairs if was != now)


def _rate_words(model: Model, enquiry: Enquiry) -> str:
    rate = model.rate(enquiry.subject_id, enquiry.kind, enquiry.term_seconds)
    return f"{rate.mean:.3g} a year over the term ({rate.source})"


def _length_words(model: Model, enquiry: Enquiry) -> str:
    law = model.length(enquiry.subject_id, enquiry.kind)
    waiting = np.array([float(enquiry.terms.waiting_seconds)])
    beyond, a_day = float(law.sf(waiting)[0]), float(law.sf(_DAY)[0])
    return f"{beyond:.1%} outlast the waiting and {a_day:.1%} a day ({law.source})"


def _settings(old: Model, new: Model) -> tuple[str, ...]:
    """What differs besides the parameters."""
    said = []
    days = (new.experience.as_of - old.experience.as_of) / 86400.0
    if days:
        said.append(f"fitted {abs(days):.0f} days {'later' if days > 0 else 'earlier'}")
    if old.data != new.data:
        halts = [int(model.experience.subjects["halts"].sum()) for model in (old, new)]
        years = [float(model.experience.subjects["exposure_years"].sum()) for model in (old, new)]
        said.append(f"other data: {halts[0]} halts in {years[0]:.1f} years → {halts[1]} in {years[1]:.1f}")
    if old.settings != new.settings:
        said.append(f"other settings: {old.settings} → {new.settings}")
    if old.duration.chosen != new.duration.chosen:
        said.append(f"other law of lengths: {old.duration.chosen} → {new.duration.chosen}")
    if old.code != new.code:
        said.append(f"fitted by other code: {old.code} → {new.code}; both are priced by today's")
    for name in sorted(old.overrides.keys() | new.overrides.keys()):
        was, now = (model.overrides.get(name) for model in (old, new))
        if was != now:
            said.append(f"override on {name}: {_override(was)} → {_override(now)}")
    return tuple(said)


def _override(override: Override | None) -> str:
    return "none" if override is None else f"{override.rate:.3g} a year ({override.reason})"


def standard_panel(model: Model, enquiry: Enquiry) -> list[Enquiry]:
    """The same cover on every subject of the universe: what is compared where nothing was quoted yet."""
    members = model.experience.subjects
    named = members.index[members["in_universe"].astype(bool)]
    return [replace(enquiry, subject_id=str(name)) for name in named]
