"""Underwriting: the price of cover for chosen terms, with its breakdown and the distribution behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dashboard import components as ui
from dashboard import figures
from dashboard.text import NONE, chance, counted, duration, exact, money, money_up, percent, plain, short, utc
from insure.api import EngineFace
from insure.errors import InsureError, InvalidInput
from insure.quoting import rate_per_hour, rate_per_second_down
from insure.records.deployment import Deployment
from insure.records.onchain import Semantics, Terms
from insure.records.views import PolicyView, PriceView, SubjectState, SubjectView
from pricing_models.errors import InvalidTerms

PATH = "/"
NAME = "Underwriting"
TITLE = "Underwriting · Downtime cover"

_HOUR, _DAY = 3_600, 86_400
_FORM = (
    ("waiting", "Waiting period", 1, "hours"),
    ("term", "Term", 90, "days"),
    ("rate", "Rate", 5_000, "per hour"),
    ("failover", "Failover benefit", 0, "lump sum"),
    ("incident", "Incident limit", 60_000, "per halt"),
    ("aggregate", "Aggregate limit", 120_000, "in all"),
)

_SUBJECTS = (
    ("Subject", "text"),
    ("Id", "code"),
    ("Cover", "text"),
    ("Halts", "number"),
    ("Years observed", "number"),
    ("Halts per year", "number"),
    ("90 % interval", "number"),
    ("Median halt", "number"),
    ("95 % halt", "number"),
)


@dataclass(frozen=True)
class Form:
    """What the underwriter typed: amounts in whole asset units, times in hours and days, rate per hour."""

    waiting: object
    semantics: object
    rate: object
    failover: object
    incident: object
    aggregate: object
    term: object


def layout() -> html.Main:
    """The page before the engine has said anything."""
    return ui.page(
        "Underwriting",
        "Choose a subject and terms; the price follows from the outage history. Nothing is signed or sold here.",
        "underwriting-tick",
        [
            html.Div(
                [
                    html.Div(
                        [_form(), ui.card("Subject", html.Div(id="underwriting-subject-facts"))], className="side"
                    ),
                    html.Div(_results(), className="stack"),
                ],
                className="split",
            ),
            html.Div(
                [
                    ui.card("Policies", html.Div(id="underwriting-policies"), wide=True),
                    ui.card(
                        "Subjects",
                        ui.long_table("underwriting-subjects", _SUBJECTS),
                        note="Halts within the observation window; rates are posterior means with their 90 % interval.",
                        wide=True,
                    ),
                ],
                className="grid",
            ),
        ],
    )


def _form() -> html.Section:
    choice = dcc.Dropdown(id="underwriting-subject", options=[], clearable=False, placeholder="loading …")
    semantics = dcc.RadioItems(
        id="underwriting-semantics",
        options=[
            {"label": "Retention: only what exceeds the waiting period", "value": Semantics.RETENTION.value},
            {"label": "Qualifying: from the first second once exceeded", "value": Semantics.QUALIFYING.value},
        ],
        value=Semantics.RETENTION.value,
        className="radios",
    )
    inputs = [
        ui.field(
            f"underwriting-{name}",
            label,
            dcc.Input(id=f"underwriting-{name}", type="text", inputMode="numeric", value=str(value), debounce=0.4),
            unit,
        )
        for name, label, value, unit in _FORM
    ]
    return ui.card(
        "Terms",
        ui.field("underwriting-subject", "Subject", choice),
        ui.field("underwriting-semantics", "Semantics", semantics),
        html.Div(inputs, className="fields"),
        html.P(id="underwriting-rate-note", className="hint"),
    )


def _results() -> list[Component]:
    return [
        html.Div(id="underwriting-message"),
        html.Div(id="underwriting-tiles"),
        html.Div(
            [
                ui.card(
                    "How the premium comes about",
                    ui.graph("underwriting-breakdown", 270),
                    html.Div(id="underwriting-parts"),
                ),
                html.Div(
                    [
                        ui.card("What one halt pays", ui.graph("underwriting-payoff", 285)),
                        ui.card("What the policy pays over its term", ui.graph("underwriting-loss", 285)),
                    ],
                    className="stack",
                ),
            ],
            className="pair",
        ),
    ]


def register(app: Dash, engine: EngineFace) -> None:
    """Lets the page ask this engine."""
    fields = [Input(f"underwriting-{name}", "value") for name in Form.__dataclass_fields__]
    subject = Input("underwriting-subject", "value")
    tick = Input("underwriting-tick", "n_intervals")

    @app.callback(
        Output("underwriting-subject", "options"),
        Output("underwriting-subject", "value"),
        tick,
        State("underwriting-subject", "value"),
        State("underwriting-subject", "options"),
    )
    def offer_subjects(_: int | None, chosen: str | None, shown: list[dict[str, str]]) -> tuple[object, object]:
        options = subject_options(engine.subjects())
        first = options[0]["value"] if options and not chosen else no_update
        return (no_update if options == shown else options), first

    @app.callback(
        Output("underwriting-message", "children"),
        Output("underwriting-tiles", "children"),
        Output("underwriting-parts", "children"),
        Output("underwriting-breakdown", "figure"),
        Output("underwriting-loss", "figure"),
        Output("underwriting-payoff", "figure"),
        Output("underwriting-rate-note", "children"),
        subject,
        *fields,
        prevent_initial_call=True,
    )
    def show_price(chosen: str | None, *values: object) -> tuple[object, ...]:
        return price_outputs(engine, chosen, Form(*values))

    @app.callback(
        Output("underwriting-subject-facts", "children"),
        Output("underwriting-subjects", "data"),
        tick,
        subject,
        State("underwriting-subjects", "data"),
    )
    def show_subjects(_: int | None, chosen: str | None, shown: list[dict[str, str]]) -> tuple[Component, object]:
        views = engine.subjects()
        found = next((view for view in views if view.subject_id == chosen), None)
        facts = subject_facts(found, engine.deployment) if found else ui.nothing("No subject chosen.")
        rows = subject_rows(views)
        return facts, no_update if rows == shown else rows

    @app.callback(Output("underwriting-policies", "children"), tick)
    def show_policies(_: int | None) -> Component:
        return policy_table(engine.policies(), engine.deployment, engine.now())


def subject_options(subjects: Sequence[SubjectView]) -> list[dict[str, str]]:
    """The subjects to choose from; those on sale say so."""
    return [
        {
            "label": view.name + ("" if view.state is SubjectState.UNLISTED else " · listed"),
            "value": view.subject_id,
            "search": f"{view.name} {view.subject_id}",
        }
        for view in subjects
    ]


def read_form(form: Form, asset: Deployment) -> tuple[Terms, int]:
    """The terms and the term in seconds; raises `InvalidInput` naming the field of the form.

    The rate per second is cut, so that an hour never pays more than was typed.
    """
    per_hour = _number(form.rate, "Rate", asset.asset_decimals)
    terms = {
        "waiting_seconds": int(_decimal(form.waiting, "Waiting period") * _HOUR),
        "semantics": form.semantics,
        "rate_per_second": rate_per_second_down(per_hour),
        "failover_benefit": _number(form.failover, "Failover benefit", asset.asset_decimals),
        "incident_limit": _number(form.incident, "Incident limit", asset.asset_decimals),
        "aggregate_limit": _number(form.aggregate, "Aggregate limit", asset.asset_decimals),
    }
    term = int(_decimal(form.term, "Term") * _DAY)
    try:
        return Terms(**terms), term  # type: ignore[arg-type]  # checked by Terms itself
    except InvalidTerms as error:
        raise InvalidInput(str(error)) from error


def _number(value: object, field: str, decimals: int) -> int:
    """Whole asset units as smallest units; raises `InvalidInput` for more decimals than the asset has."""
    scaled = _decimal(value, field).scaleb(decimals)
    if scaled != scaled.to_integral_value():
        raise InvalidInput(f"{field} is {value}: must have at most {decimals} decimals")
    return int(scaled)


def _decimal(value: object, field: str) -> Decimal:
    try:
        number = Decimal(str(value).replace(",", "").replace(" ", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or not 0 <= number < 10**24:
        raise InvalidInput(f"{field} is {value!r}: must be a number of at least 0")
    return number


def price_outputs(engine: EngineFace, chosen: str | None, form: Form) -> tuple[object, ...]:
    """What the page shows for a form; what is wrong with it in a sentence, and the last price stays away."""
    asset = engine.deployment
    try:
        if not chosen:
            raise InvalidInput("Subject: choose one")
        terms, term_seconds = read_form(form, asset)
        price = engine.price(chosen, terms, term_seconds)
    except InsureError as error:
        blank = figures.blank()
        return ui.message(str(error), "bad"), None, None, blank, blank, blank, ""
    return (
        ui.message("; ".join(price.warnings), "bad") if price.warnings else None,
        price_tiles(price, asset),
        parts_table(price, asset),
        figures.breakdown(price, asset),
        figures.loss(price.loss, price.premium, asset),
        figures.payoff(terms, asset),
        rate_note(terms, asset),
    )


def rate_note(terms: Terms, asset: Deployment) -> str:
    """What the contract holds: units per second, and what they come to in an hour."""
    per_hour = exact(rate_per_hour(terms.rate_per_second), asset)
    return f"The contract pays {terms.rate_per_second:,} smallest units per second: {per_hour} per hour."


def price_tiles(price: PriceView, asset: Deployment) -> html.Div:
    """The price at a glance."""
    loss = price.loss
    expected = (
        f"{plain(price.expected_low, asset, 0)} to {money(price.expected_high, asset, 0)}: the 90 % interval"
        if price.expected_low is not None and price.expected_high is not None
        else "posterior mean"
    )
    judged = f"{plain(price.premium_low, asset, 0)} to {money(price.premium_high, asset, 0)} over all judgements"
    return ui.tiles(
        [
            ("Premium", money_up(price.premium, asset), judged),
            ("Rate on line", percent(price.rate_bps), "of the aggregate limit, per year"),
            ("Expected payout", money(loss.mean, asset), expected),
            ("Pays anything", chance(loss.probability_of_any), "probability within the term"),
            (
                "99 % quantile",
                money(loss.quantile_99, asset),
                f"limit reached: {chance(loss.probability_of_exhaustion)}",
            ),
        ]
    )


def parts_table(price: PriceView, asset: Deployment) -> Component:
    """The breakdown to the unit."""
    rows: list[list[ui.Cell]] = [
        [
            html.Span([part.label, " ", ui.badge("judgement", "warn")]) if part.judgement else part.label,
            exact(part.amount, asset),
            f"{part.amount * 100 / max(1, price.premium):.1f} %",
        ]
        for part in price.components
    ]
    rows.append([html.Strong("Premium"), html.Strong(exact(price.premium, asset)), "100.0 %"])
    columns = [("Component", "text"), ("Amount", "number"), ("Share", "number")]
    caption = f"Model {price.model_version}, every part rounded up to the smallest unit"
    words = html.Ul([html.Li(line) for line in (capital_words(price, asset), *price.rests_on)], className="hint")
    return html.Div([ui.table(columns, rows, "", caption), words])


def capital_words(price: PriceView, asset: Deployment) -> str:
    """What the cost of capital is charged on."""
    lock, need = money(price.capital.lock, asset, 0), price.capital.marginal
    if need is None:
        return f"capital: charged on the lock, {lock}"
    counts = "the lock" if price.capital.counts == "lock" else "what its tail needs"
    return f"capital: charged on {counts}; the pool locks {lock}, its tail needs {money(need, asset, 0)} for it"


def subject_facts(view: SubjectView, asset: Deployment) -> html.Div:
    """History, model and bounds of sales of one subject."""
    items: list[tuple[str, ui.Cell]] = [
        ("State", ui.state_badge(view.state)),
        ("Id", html.Code(view.subject_id)),
        ("Kind", view.kind.value.replace("_", " ")),
        ("Observed", f"{counted(view.halts, 'halt', 'halts')} in {view.exposure_years:.1f} years"),
        ("Halts per year", f"{view.rate_mean:.2f} ({view.rate_low:.2f} to {view.rate_high:.2f})"),
        ("Median halt", duration(view.median_seconds)),
        ("95 % of halts within", duration(view.p95_seconds)),
    ]
    bounds = view.listing
    if bounds:
        items += [
            ("Exposed / cap", f"{plain(view.exposed, asset, 0)} / {money(bounds.cap, asset, 0)}"),
            ("Floor rate", f"{percent(bounds.floor_rate_bps)} per year"),
            ("Least waiting", duration(bounds.minimum_waiting)),
            ("Least to limit", duration(bounds.minimum_seconds_to_limit)),
            ("Term", f"{duration(bounds.minimum_term)} to {duration(bounds.maximum_term)}"),
        ]
    return html.Div(ui.facts(items))


def policy_table(policies: Sequence[PolicyView], asset: Deployment, now: int) -> Component:
    """All policies, newest first."""
    columns = [
        ("No.", "number"),
        ("Subject", "text"),
        ("Holder", "code"),
        ("State", "text"),
        ("From", "code"),
        ("Until", "code"),
        ("Waiting", "number"),
        ("Per hour", "number"),
        ("Aggregate limit", "number"),
        ("Premium", "number"),
        ("Owed", "number"),
        ("Paid", "number"),
    ]
    rows: list[list[ui.Cell]] = [
        [
            view.policy.policy_id,
            view.subject_id,
            short(view.policy.holder),
            policy_badge(view, now),
            utc(view.policy.start, seconds=False),
            utc(view.policy.end, seconds=False),
            duration(view.policy.terms.waiting_seconds),
            plain(rate_per_hour(view.policy.terms.rate_per_second), asset),
            plain(view.policy.terms.aggregate_limit, asset, 0),
            plain(view.policy.premium, asset),
            plain(view.policy.owed, asset) if view.policy.owed else NONE,
            plain(view.policy.paid, asset) if view.policy.paid else NONE,
        ]
        for view in policies
    ]
    return ui.table(columns, rows, "No policy has been sold yet.", f"Amounts in {asset.asset_symbol}")


def policy_badge(view: PolicyView, now: int) -> html.Span:
    """Where a policy is in its life."""
    if view.policy.released:
        return ui.badge("released", "mute")
    if now < view.policy.start:
        return ui.badge("cooling off", "info")
    return ui.badge("in force", "good") if now < view.policy.end else ui.badge("ended", "mute")


def subject_rows(subjects: Sequence[SubjectView]) -> list[dict[str, str]]:
    """All subjects of the model, by the titles of `_SUBJECTS`."""
    titles = [title for title, _ in _SUBJECTS]
    rows = [
        (
            view.name,
            view.subject_id,
            ui.state_words(view.state),
            str(view.halts),
            f"{view.exposure_years:.1f}",
            f"{view.rate_mean:.2f}",
            f"{view.rate_low:.2f} – {view.rate_high:.2f}",
            duration(view.median_seconds),
            duration(view.p95_seconds),
        )
        for view in subjects
    ]
    return [dict(zip(titles, row, strict=True)) for row in rows]
