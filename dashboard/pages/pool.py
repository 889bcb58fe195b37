"""Pool: the stakers' money, what it earns, what it stands for, and every transaction."""

from collections.abc import Sequence

import plotly.graph_objects as go
from dash import Dash, Input, Output, dcc, html
from dash.development.base_component import Component

from dashboard import components as ui
from dashboard import figures
from dashboard.text import NONE, counted, duration, exact, money, percent, plain, short, utc, words
from insure.api import EngineFace
from insure.exposure import staker_assets
from insure.records.deployment import Deployment
from insure.records.views import LedgerEntry, PoolView

PATH = "/pool"
NAME = "Pool"
TITLE = "Pool · Downtime cover"

_LEDGER_ROWS = 200
_BEAT = "Beat"


def layout() -> html.Main:
    """The page before the engine has said anything."""
    return ui.page(
        "Pool",
        "Stakers' money stands behind every policy; premium is theirs as it is earned.",
        "pool-tick",
        [
            html.Div(id="pool-tiles"),
            html.Div(
                [
                    ui.card("Assets and share price", ui.graph("pool-history", 340)),
                    ui.card("Solvency", html.Div(id="pool-solvency")),
                    ui.card(
                        "Exposure by subject",
                        ui.graph("pool-exposure", 260),
                        note="Remaining limits in force; the mark is the cap over all buyers.",
                    ),
                    ui.card(
                        "Exposure by scenario",
                        ui.graph("pool-scenarios", 260),
                        note="What one cause can call at once; the mark is what the pool has against it.",
                    ),
                    ui.card("Stakers", html.Div(id="pool-stakers"), wide=True),
                    ui.card("Ledger", _beats_choice(), html.Div(id="pool-ledger"), wide=True),
                ],
                className="grid",
            ),
        ],
    )


def _beats_choice() -> dcc.Checklist:
    options = [{"label": "with heartbeats", "value": _BEAT}]
    return dcc.Checklist(id="pool-ledger-beats", options=options, value=[], className="choice")


def register(app: Dash, engine: EngineFace) -> None:
    """Lets the page ask this engine."""
    tick = Input("pool-tick", "n_intervals")

    @app.callback(
        Output("pool-tiles", "children"),
        Output("pool-solvency", "children"),
        Output("pool-stakers", "children"),
        Output("pool-history", "figure"),
        Output("pool-exposure", "figure"),
        Output("pool-scenarios", "figure"),
        tick,
    )
    def show_pool(_: int | None) -> tuple[Component, Component, Component, go.Figure, go.Figure, go.Figure]:
        pool, asset = engine.pool(), engine.deployment
        return (
            pool_tiles(pool, asset),
            solvency_table(pool, asset),
            staker_table(pool, asset),
            figures.history(pool.history, asset),
            figures.exposure(pool.subjects, asset),
            figures.scenarios(pool.scenarios, asset),
        )

    @app.callback(Output("pool-ledger", "children"), tick, Input("pool-ledger-beats", "value"))
    def show_ledger(_: int | None, beats: list[str] | None) -> Component:
        entries = [entry for entry in engine.ledger() if beats or entry.what != _BEAT]
        return ledger_table(entries, engine.deployment)


def pool_tiles(pool: PoolView, asset: Deployment) -> html.Div:
    """The pool at a glance."""
    reliable = "what deposits pay now" if pool.price_reliable else "not dealt at: a reserve stands or premium is behind"
    in_force = counted(pool.policies_in_force, "policy", "policies") + " in force"
    losses = (
        f"before losses; priced losses {percent(pool.priced_loss_bps)}"
        if pool.priced_loss_bps is not None
        else "before losses, per year"
    )
    return ui.tiles(
        [
            (
                "Stakers' assets",
                money(staker_assets(pool.solvency), asset),
                in_force,
            ),
            ("Share price", f"{pool.share_price_e18 / 1e18:.6f}", f"{asset.asset_symbol} per share; {reliable}"),
            ("Premium yield", percent(pool.premium_yield_bps), losses),
            ("Utilisation", percent(pool.utilisation_bps), "largest scenario over what stands against it"),
            ("Reserve", money(pool.solvency.reserve, asset), "limits of alarmed or unsettled triggers"),
            ("Paid in claims", money(pool.claims_paid, asset), f"of {money(pool.claims_owed, asset)} owed"),
        ]
    )


def solvency_table(pool: PoolView, asset: Deployment) -> Component:
    """From counted assets down to what may still be sold, and the premium account."""
    state = pool.solvency
    lines = [
        ("Counted assets", state.assets, "what came in less what went out"),
        ("Unearned premium", -state.unearned, "not yet the stakers'"),
        ("Debts to policies", -state.debts, "rank before shares"),
        ("Reserve", -state.reserve, "alarmed or unsettled triggers"),
        ("Matured exits", -state.matured_exits, "first in line"),
        ("Largest scenario", -state.exposed, "remaining limits in force"),
    ]
    rows: list[list[ui.Cell]] = [[name, exact(amount, asset), gloss] for name, amount, gloss in lines]
    rows.append([html.Strong("Free for new cover"), html.Strong(exact(state.free, asset)), "in the largest scenario"])
    rows.append(["Set aside for redemptions", exact(state.claimable, asset), "not in counted assets"])
    rows.append(["Premium written", exact(pool.premium_written, asset), "since the beginning"])
    rows.append(["Premium earned", exact(pool.premium_earned, asset), "released to stakers"])
    return ui.table([("", "text"), ("Amount", "number"), ("", "gloss")], rows, "")


def staker_table(pool: PoolView, asset: Deployment) -> Component:
    """Who holds the shares."""
    rows: list[list[ui.Cell]] = [
        [
            staker.staker,
            plain(staker.shares // 10 ** (pool.share_decimals - asset.asset_decimals), asset),
            exact(staker.value, asset),
            f"{staker.shares * 100 / pool.solvency.supply:.2f} %" if pool.solvency.supply else NONE,
        ]
        for staker in pool.stakers
    ]
    columns = [("Staker", "code"), ("Shares", "number"), ("Worth now", "number"), ("Part", "number")]
    return ui.table(columns, rows, "Nobody has deposited yet.")


def ledger_table(entries: Sequence[LedgerEntry], asset: Deployment) -> Component:
    """The newest entries of the ledger."""
    rows: list[list[ui.Cell]] = [
        [
            utc(entry.at),
            words(entry.what),
            entry.contract,
            html.Span(short(entry.tx_hash, 10, 6), title=entry.tx_hash),
            NONE if entry.gas_used is None else f"{entry.gas_used:,}",
            details(entry, asset),
        ]
        for entry in entries[:_LEDGER_ROWS]
    ]
    columns = [
        ("Time", "code"),
        ("What", "text"),
        ("Contract", "text"),
        ("Transaction", "code"),
        ("Gas", "number"),
        ("Details", "gloss"),
    ]
    caption = f"The newest {_LEDGER_ROWS} of {len(entries)}" if len(entries) > _LEDGER_ROWS else ""
    return ui.table(columns, rows, "The contracts have not done anything yet.", caption)


_MONEY = frozenset({"amount", "assets", "paid", "owed", "debt", "premium", "incidentLimit", "aggregateLimit", "value"})
_TIMES = frozenset(
    {
        "from",
        "until",
        "start",
        "end",
        "readyAt",
        "sentAt",
        "deadline",
        "activatedAt",
        "alarmedUntil",
        "upTo",
        "delayedUntil",
    }
)


def details(entry: LedgerEntry, asset: Deployment) -> str:
    """An entry's arguments in one line: money with its unit, times in UTC, long words shortened."""
    return ", ".join(f"{name} {_detail(name, value, asset)}" for name, value in entry.details.items())


def _detail(name: str, value: object, asset: Deployment) -> str:
    if isinstance(value, int) and name in _MONEY:
        return exact(value, asset)
    if isinstance(value, int) and name in _TIMES:
        return utc(value)
    if isinstance(value, int) and name.endswith("Seconds"):
        return duration(value)
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list | tuple):
        return f"{len(value)} of them"
    return short(str(value), 8, 4) if isinstance(value, str) and value.startswith("0x") else str(value)
