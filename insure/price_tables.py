"""What the command line prints of prices: the engine's answer as tables, and the same as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from insure.model_tables import override_json
from insure.records.units import amount_text, duration_text
from insure.records.views import CapitalView, PriceView, RateView, TreatedPrice
from pricing_models.overrides import Override
from pricing_models.payoff import Semantics


def price_table(view: PriceView, decimals: int, symbol: str = "") -> Table:
    """A premium with its components; what is judgement is marked."""
    terms = view.terms
    which = "beyond" if terms.semantics is Semantics.RETENTION else "from the first second, after"
    title = (
        f"{view.subject_id}: {amount_text(terms.rate_per_second * 3_600, decimals, symbol)} an hour {which} "
        f"{duration_text(terms.waiting_seconds)}, at most {amount_text(terms.incident_limit, decimals)} an incident "
        f"and {amount_text(terms.aggregate_limit, decimals)} in all, for {duration_text(view.term_seconds)}"
    )
    caption = "\n".join((*view.rests_on, f"model {view.model_version}"))
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    table.add_column("component")
    table.add_column(symbol or "amount", justify="right")
    table.add_column("rests on")
    judged = {each.name: each for each in view.judged}
    for part in view.components:
        basis = "judgement" if part.judgement else "data and terms"
        if part.name in judged:
            low, high = judged[part.name].low, judged[part.name].high
            basis += f": {amount_text(low, decimals)} to {amount_text(high, decimals)}"
        table.add_row(part.label, amount_text(part.amount, decimals), basis)
    table.add_section()
    for row in (*_premium_rows(view, decimals), *_loss_rows(view, decimals)):
        table.add_row(*row)
    return table


def _premium_rows(view: PriceView, decimals: int) -> list[tuple[str, str, str]]:
    ends = f"{amount_text(view.premium_low, decimals)} to {amount_text(view.premium_high, decimals)}"
    rows = [
        ("Premium", amount_text(view.premium, decimals), f"{view.rate_bps / 100:.2f}% of the limit a year"),
        ("Under low and high judgement", ends, f"{view.judgement_share:.1%} of it is judgement"),
        ("Most that it can ever pay", amount_text(view.most_payable, decimals), _worth(view)),
        ("Locked for it", amount_text(view.capital.lock, decimals), _charged(view.capital, "lock")),
    ]
    if view.capital.marginal is not None:
        need = amount_text(view.capital.marginal, decimals)
        rows.append(("Added to the pool's TVaR 99.5%", need, _charged(view.capital, "marginal")))
    return rows


def _worth(view: PriceView) -> str:
    return "[bold red]WARNING: the premium is not below it[/bold red]" if view.warnings else "the premium is below it"


def _charged(capital: CapitalView, which: str) -> str:
    return "the cost of capital is charged on it" if capital.counts == which else "not charged on: it is the smaller"


def _loss_rows(view: PriceView, decimals: int) -> list[tuple[str, str, str]]:
    loss = view.loss
    chance = f"{loss.probability_of_any:.1%} pays anything, {loss.probability_of_exhaustion:.2%} all"
    rows = [("Expected payout", amount_text(loss.mean, decimals), chance)]
    if view.expected_low is not None and view.expected_high is not None:
        ends = f"{amount_text(view.expected_low, decimals)} to {amount_text(view.expected_high, decimals)}"
        rows.append(("90% interval of it", ends, "over what is unknown of rate and lengths"))
    rows.append(("Standard deviation of the payout", amount_text(loss.sd, decimals), ""))
    if view.unpaid is not None:
        missed = f"{view.unpaid[1]:.1%}"
        rows.append(("Missed by the trigger", missed, "of the outages' payout: not paid, not charged"))
    if view.rate is not None:
        halts = f"{view.rate.mean:.3g} ({view.rate.low:.2g} to {view.rate.high:.2g})"
        rows.append(("Halts a year", halts, _rate_words(view.rate, view.override)))
    for name, amount in view.principles:
        principle = f"Premium by {name.replace('_', ' ')}"
        rows.append((principle, amount_text(amount, decimals), "instead of the lock's cost"))
    return rows


def _rate_words(rate: RateView, override: Override | None) -> str:
    if override is not None:
        told = override_json(override)
        return f"judgement, by {told['by']} since {told['since']}: {told['reason']}"
    return f"own history weighs {rate.credibility:.0%}, the group the rest"


_EXPOSURES = {"all": "all members quiet", "searched": "searched members", "listed": "every chain in the tables"}
_ENDS = {"drop": "like the known ones", "pessimistic": "all told of, unknown: the median"}


def readings_table(readings: Sequence[TreatedPrice], decimals: int) -> Table:
    """The premium under every reading of what the history leaves open."""
    table = Table(title="What the history leaves open", title_justify="left")
    table.add_column("whose quiet time counts")
    table.add_column("halts without a known end")
    table.add_column("one halt within")
    for heading in ("expected payout", "premium"):
        table.add_column(heading, justify="right")
    for each in readings:
        exposure = _EXPOSURES[each.exposure] + (" (sold)" if each.base else "")
        money = (amount_text(amount, decimals) for amount in (each.expected_payout, each.premium))
        table.add_row(exposure, _ENDS[each.ends], duration_text(each.merge_gap_seconds), *money)
    return table


# JSON: amounts are strings of smallest units


def price_json(view: PriceView, readings: Sequence[TreatedPrice] = ()) -> dict[str, object]:
    """A price as JSON."""
    rate = view.rate
    return {
        "subject": view.subject_id,
        "term_seconds": view.term_seconds,
        "premium": str(view.premium),
        "most_payable": str(view.most_payable),
        "warnings": list(view.warnings),
        "rate_bps": view.rate_bps,
        "expected_payout": str(view.loss.mean),
        "sd": str(view.loss.sd),
        "breakdown": {part.name: str(part.amount) for part in view.components},
        "capital": _capital_json(view.capital),
        "interval": [None if end is None else str(end) for end in (view.expected_low, view.expected_high)],
        "probability_of_payout": view.loss.probability_of_any,
        "probability_of_exhaustion": view.loss.probability_of_exhaustion,
        "judgement": _judgement_json(view),
        "rate": None if rate is None else asdict(rate),
        "override": None if view.override is None else override_json(view.override),
        "principles": {name: str(amount) for name, amount in view.principles},
        "rests_on": list(view.rests_on),
        "readings": [_reading_json(each) for each in readings],
        "model_version": view.model_version,
    }


def _capital_json(capital: CapitalView) -> dict[str, str | None]:
    marginal = None if capital.marginal is None else str(capital.marginal)
    return {"lock": str(capital.lock), "marginal": marginal, "counts": capital.counts}


def _judgement_json(view: PriceView) -> dict[str, object]:
    ends = ("low", "base", "high")
    return {
        "share": view.judgement_share,
        "premium": {"low": str(view.premium_low), "base": str(view.premium), "high": str(view.premium_high)},
        "parts": {each.name: {end: str(getattr(each, end)) for end in ends} for each in view.judged},
        "unpaid_share": None if view.unpaid is None else dict(zip(ends, view.unpaid, strict=True)),
    }


def _reading_json(reading: TreatedPrice) -> dict[str, object]:
    return asdict(reading) | {"premium": str(reading.premium), "expected_payout": str(reading.expected_payout)}
