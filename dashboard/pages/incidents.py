"""Incidents: what each path attests, what the quorum confirmed of it, and what was paid when."""

from collections.abc import Sequence

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from dashboard import components as ui
from dashboard import figures
from dashboard.text import counted, duration, exact, money, short, utc
from insure.api import EngineFace
from insure.records.deployment import Deployment
from insure.records.views import IncidentView, PathView, WatchView

PATH = "/incidents"
NAME = "Incidents"
TITLE = "Incidents · Downtime cover"


def layout() -> html.Main:
    """The page before the engine has said anything."""
    choice = dcc.Dropdown(id="incidents-choice", options=[], clearable=False, placeholder="no incident yet")
    return ui.page(
        "Incidents",
        "Downtime counts where enough independent families of paths agree on it; it is paid while it lasts.",
        "incidents-tick",
        [
            html.Div(id="incidents-watches"),
            html.Div(ui.field("incidents-choice", "Incident", choice), className="chooser"),
            html.Div(id="incidents-tiles"),
            html.Div(
                [
                    ui.card(
                        "Timeline",
                        ui.graph("incidents-timeline", 350),
                        html.P(_LEGEND, className="legend"),
                        wide=True,
                    ),
                    ui.card("What each path attests", html.Div(id="incidents-paths"), wide=True),
                    ui.card("Checkpoints", html.Div(id="incidents-checkpoints")),
                    ui.card("Payments", html.Div(id="incidents-payments")),
                ],
                className="grid",
            ),
        ],
    )


_LEGEND = [
    html.Span([html.I(className="key quorum"), "observers agree"]),
    html.Span([html.I(className="key absence"), "heartbeat silent"]),
    html.Span([html.I(className="key recovery"), "proven after recovery"]),
    html.Span([html.I(className="key confirmed"), "confirmed by the quorum"]),
    html.Span("▲ checkpoint proposed"),
    html.Span("● may be confirmed"),
    html.Span("◆ payment"),
]


def register(app: Dash, engine: EngineFace) -> None:
    """Lets the page ask this engine."""
    tick, chosen = Input("incidents-tick", "n_intervals"), Input("incidents-choice", "value")

    @app.callback(Output("incidents-watches", "children"), tick)
    def show_watches(_: int | None) -> Component:
        return watch_cards(engine.watches())

    @app.callback(
        Output("incidents-choice", "options"),
        Output("incidents-choice", "value"),
        tick,
        State("incidents-choice", "value"),
        State("incidents-choice", "options"),
    )
    def offer_incidents(_: int | None, shown: str | None, before: list[dict[str, str]]) -> tuple[object, object]:
        options = incident_options(engine.incidents(), engine.deployment)
        # a new incident takes the screen; else what the reader chose stays
        newest = options[0]["value"] if options and len(options) != len(before or []) else no_update
        return (no_update if options == before else options), (newest if newest != shown else no_update)

    @app.callback(
        Output("incidents-tiles", "children"),
        Output("incidents-timeline", "figure"),
        Output("incidents-paths", "children"),
        Output("incidents-checkpoints", "children"),
        Output("incidents-payments", "children"),
        tick,
        chosen,
    )
    def show_incident(_: int | None, choice: str | None) -> tuple[object, ...]:
        found = next((view for view in engine.incidents() if key_of(view) == choice), None)
        return incident_outputs(found, engine.deployment, engine.now())


def key_of(view: IncidentView) -> str:
    """What tells an incident from all others."""
    return f"{view.incident.trigger_id}/{view.incident.sequence}"


def incident_options(incidents: Sequence[IncidentView], asset: Deployment) -> list[dict[str, str]]:
    """The incidents to choose from, newest first."""
    return [
        {
            "label": f"{view.subject_name} · {utc(view.incident.start or view.incident.proposed_at, seconds=False)}"
            f" · {status(view)[0]} · {money(view.paid, asset)} paid",
            "value": key_of(view),
        }
        for view in incidents
    ]


def status(view: IncidentView) -> tuple[str, str]:
    """Where an incident is in its life, and the tone to say it in."""
    if view.incident.final_at:
        return "final", "mute"
    if view.ended_at is None:
        return "down", "bad"
    return "back, not final", "warn"


def incident_outputs(view: IncidentView | None, asset: Deployment, now: int) -> tuple[object, ...]:
    """What the page shows of an incident, or of none."""
    if view is None:
        nothing = ui.nothing("There is no incident.")
        return None, figures.blank(), nothing, nothing, nothing
    return (
        incident_tiles(view, asset),
        figures.timeline(view, asset, now),
        path_table(view.paths),
        checkpoint_table(view, now),
        payment_table(view, asset),
    )


def incident_tiles(view: IncidentView, asset: Deployment) -> html.Div:
    """The incident at a glance."""
    incident = view.incident
    covered = f"{incident.covered_seconds:,} s in {counted(len(view.spans), 'span', 'spans')}"
    final = f"final since {utc(incident.final_at)}" if incident.final_at else f"proposed {utc(incident.proposed_at)}"
    families = len({path.family for path in view.paths})
    return ui.tiles(
        [
            ("Subject", view.subject_name, view.subject_id),
            ("State", status(view)[0], final),
            ("Confirmed downtime", duration(incident.covered_seconds), covered),
            ("Agreement", f"{view.quorum} of {families}", "families needed, families in the trigger"),
            ("Paid", money(view.paid, asset), counted(len(view.payments), "payment", "payments")),
            ("Paid while down", money(view.paid_while_down, asset), "before the subject came back"),
        ]
    )


def watch_cards(watches: Sequence[WatchView]) -> Component:
    """One small card per listed trigger: its state and a lamp per path."""
    if not watches:
        return ui.nothing("No trigger is listed.")
    return html.Div(
        [
            html.Div(
                [
                    html.Div([html.Strong(watch.subject_name), ui.state_badge(watch.state)], className="watch-head"),
                    html.Ul([html.Li([html.I(className=f"lamp {lamp(path)}"), path.name]) for path in watch.paths]),
                ],
                className="watch",
            )
            for watch in watches
        ],
        className="watches",
    )


def lamp(path: PathView) -> str:
    """The tone of a path's lamp: a running spell, an alarm, or nothing."""
    if any(spell.open for spell in path.spells):
        return "bad"
    return "warn" if path.alarmed else "good"


def path_table(paths: Sequence[PathView]) -> Component:
    """Every spell of every path; a path without any says so."""
    rows: list[list[ui.Cell]] = []
    for path in paths:
        head: list[ui.Cell] = [path.name, path.kind.name.lower(), path.family, short(path.path)]
        for spell in path.spells:
            state = ui.badge("open", "bad") if spell.open else ui.badge("ended", "mute")
            length = duration(spell.until - spell.start)
            rows.append([*head, utc(spell.start), utc(spell.until), length, state])
        if not path.spells:
            state = ui.badge("alarmed", "warn") if path.alarmed else ui.badge("silent", "mute")
            rows.append([*head, "–", "–", "–", state])
    columns = [
        ("Path", "text"),
        ("Evidence", "text"),
        ("Family", "number"),
        ("Contract", "code"),
        ("From", "code"),
        ("Until", "code"),
        ("Length", "number"),
        ("State", "text"),
    ]
    return ui.table(columns, rows, "The trigger has no paths.")


def checkpoint_table(view: IncidentView, now: int) -> Component:
    """The proposed states with their own clocks."""
    held = view.incident.delayed_until
    rows: list[list[ui.Cell]] = [
        [
            check.index,
            utc(check.proposed_at),
            duration(check.covered_seconds),
            utc(max(check.ready_at, held)),
            ui.badge("ready", "good") if now >= max(check.ready_at, held) else ui.badge("challenge", "info"),
        ]
        for check in view.checkpoints
    ]
    columns = [("No.", "number"), ("Proposed", "code"), ("Covers", "number"), ("Ready", "code"), ("State", "text")]
    return ui.table(columns, rows, "Nothing has been proposed.")


def payment_table(view: IncidentView, asset: Deployment) -> Component:
    """What was sent, and whether the subject was still down."""
    rows: list[list[ui.Cell]] = [
        [
            utc(payment.at),
            payment.policy_id,
            exact(payment.paid, asset),
            exact(payment.debt, asset) if payment.debt else "–",
            ui.badge("while down", "good") if view.was_down_at(payment.at) else ui.badge("after", "mute"),
            html.Span(short(payment.tx_hash), title=payment.tx_hash),
        ]
        for payment in view.payments
    ]
    columns = [
        ("Time", "code"),
        ("Policy", "number"),
        ("Paid", "number"),
        ("Debt", "number"),
        ("When", "text"),
        ("Transaction", "code"),
    ]
    return ui.table(columns, rows, "Nothing has been paid yet.")
