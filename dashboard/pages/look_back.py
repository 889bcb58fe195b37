"""Look back: what the models would have forecast for past years, what then happened, and what speaks against them."""

import plotly.graph_objects as go
from dash import Dash, Input, Output, html
from dash.development.base_component import Component

from dashboard import components as ui
from dashboard import figures
from insure.api import EngineFace
from insure.errors import InvalidInput
from insure.records.views import LookBack

PATH = "/look-back"
NAME = "Look back"
TITLE = "Look back · Downtime cover"


def layout() -> html.Main:
    """The page before the engine has said anything."""
    return ui.page(
        "Look back",
        "Every past year forecast by a model fitted to what came before it, and held against what then happened.",
        "look-back-tick",
        [
            html.Div(id="look-back-message"),
            html.Div(id="look-back-tiles"),
            html.Div(
                [
                    ui.card("What speaks against the model", html.Div(id="look-back-against"), wide=True),
                    ui.card(
                        "Models that competed",
                        ui.graph("look-back-gains", 380),
                        note="Nats won over the pooled Poisson, a year ahead, with the 90 % interval over chains.",
                    ),
                    ui.card(
                        "A synthetic book",
                        ui.graph("look-back-book", 380),
                        note="The same cover sold on every chain each 1 January. Bars span what unknown ends allow.",
                    ),
                    ui.card(
                        "Calibration",
                        ui.graph("look-back-pit", 260),
                        note="Share of outcomes in each tenth of their forecast: all at 10 % where it is calibrated.",
                    ),
                    ui.card(
                        "Spread",
                        ui.graph("look-back-spread", 260),
                        note="Halts expected and seen, by fifth of the expected rate.",
                    ),
                    ui.card("Figures", html.Div(id="look-back-models"), wide=True),
                    ui.card("Lengths of halts", html.Div(id="look-back-lengths"), wide=True),
                    ui.card("The book by year", html.Div(id="look-back-years"), wide=True),
                ],
                className="grid",
            ),
        ],
    )


def register(app: Dash, engine: EngineFace) -> None:
    """Lets the page ask this engine."""

    @app.callback(
        Output("look-back-message", "children"),
        Output("look-back-tiles", "children"),
        Output("look-back-against", "children"),
        Output("look-back-models", "children"),
        Output("look-back-lengths", "children"),
        Output("look-back-years", "children"),
        Output("look-back-gains", "figure"),
        Output("look-back-book", "figure"),
        Output("look-back-pit", "figure"),
        Output("look-back-spread", "figure"),
        Input("look-back-tick", "n_intervals"),
    )
    def show(_: int | None) -> tuple[object, ...]:
        return outputs(engine)


def outputs(engine: EngineFace) -> tuple[object, ...]:
    """What the page shows; what is missing in a sentence."""
    try:
        found = engine.look_back()
    except InvalidInput as error:
        return _nothing(str(error), "bad")
    if found is None:
        return _nothing("No look back was made yet: `insure model backtest` makes one.", "warn")
    return (
        _stale(found, engine.model_version),
        summary_tiles(found),
        html.Ul([html.Li(line) for line in found.against]),
        models_table(found),
        lengths_table(found),
        years_table(found),
        figures.gains(found),
        figures.synthetic_book(found),
        figures.calibration(found),
        figures.spread(found),
    )


def _nothing(text: str, tone: str) -> tuple[object, ...]:
    blank: go.Figure = figures.blank()
    nothing = ui.nothing("Nothing was looked at.")
    return ui.message(text, tone), None, nothing, None, None, None, blank, blank, blank, blank


def _stale(found: LookBack, version: str) -> Component | None:
    """Whether the prices on the other pages come from another fit."""
    if found.model_version == version:
        return None
    return ui.message(
        f"Looked back on {found.as_of} with model {found.model_version}; prices now come from {version}.", "info"
    )


def summary_tiles(found: LookBack) -> html.Div:
    """The look back at a glance."""
    own = next(each for each in found.models if each.name == found.shipped)
    whole = next(each for each in found.book if each.year == "all")
    choice = "simplest within one s.e. of the best" if found.is_simplest else "not the simplest within one s.e."
    return ui.tiles(
        [
            ("Shipped", found.shipped.replace("_", " "), choice),
            ("Won over pooled Poisson", f"{own.gain:+.1f} nats", f"{own.gain_low:.1f} to {own.gain_high:.1f} (90 %)"),
            ("Behind the best", f"{own.behind_best:.1f} nats", f"± {own.behind_best_se:.1f} (one s.e.)"),
            (
                "Simulated histories",
                f"p ≥ {min(found.simulated.values()):.2f}",
                f"the fits find what they were made from: least of {len(found.simulated)}",
            ),
            ("Halts expected / seen", f"{own.expected:.0f} / {own.observed}", f"{own.coverage_90:.1%} inside 90 %"),
            (
                "Book: paid / expected",
                f"{whole.paid_base / whole.expected:.2f}" if whole.expected else "nothing expected",
                f"{whole.paid_low / whole.expected:.2f} to {whole.paid_high / whole.expected:.2f} by unknown ends"
                if whole.expected
                else "",
            ),
        ]
    )


def models_table(found: LookBack) -> Component:
    """All candidates, best first."""
    columns = [
        ("Model", "text"),
        ("Figures learnt", "number"),
        ("Won, nats", "number"),
        ("90 % interval", "number"),
        ("Behind best", "number"),
        ("CRPS", "number"),
        ("Inside 90 %", "number"),
        ("Expected", "number"),
        ("Seen", "number"),
    ]
    rows: list[list[ui.Cell]] = [
        [
            html.Strong(each.name) if each.name == found.shipped else each.name,
            each.parameters,
            f"{each.gain:+.1f}",
            f"{each.gain_low:.1f} to {each.gain_high:.1f}",
            f"{each.behind_best:.1f} ± {each.behind_best_se:.1f}",
            f"{each.crps:.4f}",
            f"{each.coverage_90:.1%}",
            f"{each.expected:.1f}",
            each.observed,
        ]
        for each in sorted(found.models, key=lambda each: -each.gain)
    ]
    return ui.table(columns, rows, "No model was tried.", f"Against {found.baseline}, as of {found.as_of}")


def lengths_table(found: LookBack) -> Component:
    """All laws of lengths, best first, on the halts that the rates count."""
    columns = [
        ("Law", "text"),
        ("Figures learnt", "number"),
        ("Won, nats", "number"),
        ("90% interval", "number"),
        ("Behind best", "number"),
        ("Inside 50 %", "number"),
        ("80 %", "number"),
        ("90 %", "number"),
        ("Expected / paid for one", "number"),
        ("By chance, 90 %", "number"),
    ]
    rows: list[list[ui.Cell]] = [
        [
            html.Strong(each.name) if each.name == found.lengths_shipped else each.name,
            each.parameters,
            f"{each.gain:+.1f}",
            f"{each.gain_low:.1f} to {each.gain_high:.1f}",
            f"{each.behind_best:.1f} ± {each.behind_best_se:.1f}",
            *(f"{share:.1%}" for share in each.coverage),
            f"{each.expected_over_paid:.2f}",
            f"{each.expected_over_paid_low:.2f} to {each.expected_over_paid_high:.2f}",
        ]
        for each in sorted(found.lengths, key=lambda each: -each.gain)
    ]
    halts = found.lengths[0].halts if found.lengths else 0
    return ui.table(columns, rows, "No law of lengths was tried.", f"{halts} halts against one law for all")


def years_table(found: LookBack) -> Component:
    """The synthetic book by year."""
    columns = [
        ("Year", "text"),
        ("Policies", "number"),
        ("Halts", "number"),
        ("Expected", "number"),
        ("Premium", "number"),
        ("Paid, low", "number"),
        ("Paid, base", "number"),
        ("Paid, high", "number"),
        ("Premium / paid", "number"),
    ]
    rows: list[list[ui.Cell]] = [
        [
            each.year,
            each.policies,
            each.halts,
            *(f"{v:,.0f}" for v in (each.expected, each.premium, each.paid_low, each.paid_base, each.paid_high)),
            f"{each.premium / each.paid_base:.2f}" if each.paid_base else "nothing paid",
        ]
        for each in found.book
    ]
    return ui.table(columns, rows, "No year could be sold.", "Whole asset units")
