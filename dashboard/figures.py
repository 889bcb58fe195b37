"""The figures of the pages as pure functions of the engine's views.

Colours of lines and text come from the style sheet, so that one figure reads in light and in dark.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.text import duration, exact, stamp, units, utc
from insure.records.deployment import Deployment
from insure.records.onchain import PathKind, Terms
from insure.records.views import (
    IncidentView,
    LookBack,
    LossView,
    PoolSnapshot,
    PriceView,
    ScenarioExposure,
    SubjectExposure,
)
from pricing_models.payoff import SECONDS_BOUND, limit_seconds, owed

BLUE, TEAL, AMBER, RED, VIOLET, GREY = "#4a86c5", "#2f9e8f", "#d0902f", "#cf5b52", "#8a76c2", "#8b98a8"
KIND_COLOUR = {PathKind.ABSENCE: AMBER, PathKind.QUORUM: BLUE, PathKind.RECOVERY: VIOLET}
_HOUR = 3_600


def _figure(traces: Sequence[go.Figure | object], revision: str, **layout: object) -> go.Figure:
    """A quiet frame; `revision` keeps a reader's zoom while new data arrive."""
    figure = go.Figure(traces)
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "inherit", "size": 12},
        margin={"l": 8, "r": 12, "t": 8, "b": 8},
        hovermode="closest",
        hoverlabel={"font": {"size": 12}},
        showlegend=False,
        uirevision=revision,
    )
    figure.update_xaxes(automargin=True, zeroline=False, title_standoff=8)
    figure.update_yaxes(automargin=True, zeroline=False, title_standoff=8, ticklabelstandoff=6)
    return figure.update_layout(**layout)


def blank() -> go.Figure:
    """No axes, no data: what stands while there is nothing to draw."""
    return _figure([], "blank", xaxis={"visible": False}, yaxis={"visible": False})


def breakdown(price: PriceView, asset: Deployment) -> go.Figure:
    """The premium as a staircase of its components, those that rest on judgement in another colour."""
    parts = [part for part in price.components if part.amount]
    names = [part.label for part in parts] + ["Premium"]
    values = [units(part.amount, asset) for part in parts]
    before = [sum(values[:i]) for i in range(len(values))] + [0.0]
    amounts = [part.amount for part in parts] + [price.premium]
    bar = go.Bar(
        y=names,
        x=[*values, units(price.premium, asset)],
        base=before,
        orientation="h",
        marker={"color": [AMBER if part.judgement else BLUE for part in parts] + [TEAL]},
        text=[exact(amount, asset) for amount in amounts],
        customdata=[f"{amount * 100 / max(1, price.premium):.1f} % of the premium" for amount in amounts],
        hovertemplate="%{y}<br>%{text}<br>%{customdata}<extra></extra>",
        textposition="none",
    )
    figure = _figure([bar], "breakdown", bargap=0.35)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title=asset.asset_symbol, tickformat="~s", rangemode="tozero")
    return figure


def loss(view: LossView, premium: int, asset: Deployment) -> go.Figure:
    """Probability that the policy is paid more than an amount over its term, with premium and quantiles marked."""
    curve = go.Scatter(
        x=[units(amount, asset) for amount in view.amounts],
        y=list(view.exceedance),
        mode="lines",
        line={"color": BLUE, "width": 2, "shape": "hv"},
        fill="tozeroy",
        fillcolor="rgba(74,134,197,0.14)",
        hovertemplate="more than %{x:,.0f} " + asset.asset_symbol + "<br>probability %{y:.2%}<extra></extra>",
    )
    figure = _figure([curve], "loss")
    marks = (("premium", premium, TEAL), ("99% quantile", view.quantile_99, RED))
    for place, (name, amount, colour) in enumerate(marks):
        figure.add_vline(
            x=units(amount, asset),
            line={"color": colour, "width": 1.5, "dash": "dot"},
            annotation_text=name,
            annotation_position="top right",
            annotation_yshift=-16 * place,
            annotation_font_size=11,
        )
    figure.update_xaxes(title=f"paid over the term, {asset.asset_symbol}", tickformat="~s", rangemode="tozero")
    figure.update_yaxes(title="probability of more", tickformat=".1~%", rangemode="tozero")
    return figure


def payoff(terms: Terms, asset: Deployment) -> go.Figure:
    """What one halt pays by its length, by the function that settles, without and with a proven failover."""
    full = limit_seconds(terms)
    last = min(max(full * 6 // 5, terms.waiting_seconds * 2, _HOUR), SECONDS_BOUND - 1)
    inner = {last * i // 120 for i in range(121)} | {terms.waiting_seconds, terms.waiting_seconds + 1, full}
    lengths = sorted(seconds for seconds in inner if seconds <= last)
    cases = [(False, "without failover", BLUE, "solid")]
    if terms.failover_benefit:
        cases.append((True, "with failover", TEAL, "dash"))
    lines = [
        go.Scatter(
            x=[seconds / _HOUR for seconds in lengths],
            y=[units(owed(terms, seconds, failover, 0), asset) for seconds in lengths],
            customdata=[duration(seconds) for seconds in lengths],
            name=name,
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            hovertemplate="down %{customdata}<br>%{y:,.2f} " + asset.asset_symbol + "<extra>" + name + "</extra>",
        )
        for failover, name, colour, dash in cases
    ]
    figure = _figure(lines, "payoff", showlegend=len(lines) > 1, legend={"x": 0.02, "y": 0.98})
    figure.add_vline(
        x=terms.waiting_seconds / _HOUR,
        line={"color": GREY, "width": 1, "dash": "dot"},
        annotation_text="waiting",
        annotation_position="bottom right",
        annotation_font_size=11,
    )
    figure.update_xaxes(title="downtime, hours", rangemode="tozero")
    figure.update_yaxes(title=asset.asset_symbol, tickformat="~s", rangemode="tozero")
    return figure


def history(snapshots: Sequence[PoolSnapshot], asset: Deployment) -> go.Figure:
    """The pool's assets above, the share price below, over the same time."""
    times = [stamp(point.at) for point in snapshots]
    assets = [units(point.assets, asset) for point in snapshots]
    prices = [point.share_price_e18 / 1e18 for point in snapshots]
    lines = [
        go.Scatter(
            x=times,
            y=values,
            name=name,
            mode="lines+markers" if len(times) < 2 else "lines",
            yaxis=axis,
            line={"color": colour, "width": 2, "shape": "hv"},
            hovertemplate="%{x|%Y-%m-%d %H:%M:%S} UTC<br>" + name + " " + shown + "<extra></extra>",
        )
        for name, values, axis, colour, shown in (
            ("assets", assets, "y", BLUE, "%{y:,.2f} " + asset.asset_symbol),
            ("share price", prices, "y2", TEAL, "%{y:.6f} " + asset.asset_symbol),
        )
    ]
    figure = _figure(
        lines,
        "history",
        yaxis={"domain": [0.56, 1.0], "title": f"assets, {asset.asset_symbol}", "tickformat": ".4~s", "nticks": 4},
        yaxis2={"domain": [0.0, 0.44], "title": f"{asset.asset_symbol} per share", "tickformat": ".4f", "nticks": 4},
    )
    figure.update_layout(yaxis2={"automargin": True, "zeroline": False, "title_standoff": 8, "ticklabelstandoff": 6})
    return figure.update_xaxes(title="UTC", anchor="y2", type="date")


def exposure(lines: Sequence[SubjectExposure], asset: Deployment) -> go.Figure:
    """Remaining limits by subject: the part in reserve apart from the rest, the cap as a mark."""
    names = [line.name for line in lines]
    reserved = [min(line.reserve, line.exposed) for line in lines]
    free = [line.exposed - held for line, held in zip(lines, reserved, strict=True)]
    bars = [
        _bar(names, amounts, name, colour, asset)
        for name, amounts, colour in (("in reserve", reserved, RED), ("in force", free, BLUE))
    ]
    caps = go.Scatter(
        x=[units(line.cap, asset) for line in lines],
        y=names,
        mode="markers",
        name="cap",
        marker={"symbol": "line-ns-open", "size": 18, "color": GREY, "line": {"width": 2}},
        hovertemplate="%{y}<br>cap %{x:,.0f} " + asset.asset_symbol + "<extra></extra>",
    )
    return _stacked([*bars, caps], "exposure", asset)


def scenarios(lines: Sequence[ScenarioExposure], asset: Deployment) -> go.Figure:
    """What one cause can call at once against what the pool has."""
    names = [line.name for line in lines]
    bars = _bar(names, [line.exposed for line in lines], "limits", VIOLET, asset)
    against = go.Scatter(
        x=[units(line.available, asset) for line in lines],
        y=names,
        mode="markers",
        name="available",
        marker={"symbol": "line-ns-open", "size": 18, "color": TEAL, "line": {"width": 2}},
        hovertemplate="%{y}<br>available %{x:,.0f} " + asset.asset_symbol + "<extra></extra>",
    )
    return _stacked([bars, against], "scenarios", asset)


def _bar(names: list[str], amounts: list[int], name: str, colour: str, asset: Deployment) -> go.Bar:
    return go.Bar(
        y=names,
        x=[units(amount, asset) for amount in amounts],
        name=name,
        orientation="h",
        width=min(0.55, 0.18 * len(names)),
        marker={"color": colour},
        hovertemplate="%{y}<br>" + name + " %{x:,.2f} " + asset.asset_symbol + "<extra></extra>",
    )


def _stacked(traces: list[object], revision: str, asset: Deployment) -> go.Figure:
    figure = _figure(
        traces,
        revision,
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(title=asset.asset_symbol, tickformat="~s", rangemode="tozero")
    return figure


def timeline(view: IncidentView, asset: Deployment, now: int) -> go.Figure:
    """What each path attests, what the quorum confirmed, when checkpoints were proposed and ready, and payments."""
    rows = [path_row(path.name, path.family) for path in view.paths]
    traces: list[object] = []
    for path, row in zip(view.paths, rows, strict=True):
        for spell in path.spells:
            state = "still open" if spell.open else "ended"
            traces.append(_band(row, spell.start, spell.until, KIND_COLOUR[path.kind], state, spell.open))
    traces += [_band("Confirmed", span.start, span.until, RED, "confirmed", False) for span in view.spans]
    checks = view.checkpoints
    traces.append(_marks("Proposed", [c.proposed_at for c in checks], "triangle-up", GREY, _proposed(view)))
    traces.append(_marks("Ready", [c.ready_at for c in checks], "circle", BLUE, _ready(view)))
    paid = [
        f"policy {p.policy_id}: {exact(p.paid, asset)}"
        f"<br>{'while down' if view.was_down_at(p.at) else 'after recovery'}"
        for p in view.payments
    ]
    traces.append(_marks("Payments", [p.at for p in view.payments], "diamond", TEAL, paid))
    figure = _figure(traces, f"timeline-{view.incident.trigger_id}-{view.incident.sequence}", barmode="overlay")
    figure.update_layout(margin_t=22)
    order = [*rows, "Confirmed", "Proposed", "Ready", "Payments"]
    figure.update_yaxes(
        categoryorder="array",
        categoryarray=order,
        range=[len(order) - 0.5, -0.5],
        showgrid=False,
        type="category",
    )
    figure.update_xaxes(type="date", title="UTC", range=[stamp(t) for t in _window(view, now)], showgrid=True)
    if view.ended_at is not None:
        _mark_time(figure, view.ended_at, "back", TEAL)
    if now <= _window(view, now)[1]:
        _mark_time(figure, now, "now", GREY)
    return figure


def path_row(name: str, family: int) -> str:
    """The label of a path's row: its name and the family it counts for."""
    return f"{name} · family {family}"


def _window(view: IncidentView, now: int) -> tuple[int, int]:
    """From a little before the first sign to a little after the last event."""
    times = [view.incident.proposed_at]
    times += [at for span in view.spans for at in (span.start, span.until)]
    times += [at for check in view.checkpoints for at in (check.proposed_at, check.ready_at)]
    times += [payment.at for payment in view.payments]
    first = min(times)
    near = [spell for path in view.paths for spell in path.spells if spell.until >= first]
    times += [at for spell in near for at in (spell.start, spell.until)]
    if not view.incident.final_at:
        times.append(now)
    margin = max(60, (max(times) - min(times)) // 20)
    return min(times) - margin, max(times) + margin


def _band(row: str, start: int, until: int, colour: str, state: str, growing: bool) -> go.Bar:
    text = f"{utc(start)} – {utc(until)}<br>{duration(until - start)}, {state}"
    return go.Bar(
        y=[row],
        base=[stamp(start)],
        x=[(until - start) * 1_000],
        orientation="h",
        width=0.5,
        marker={
            "color": colour,
            "opacity": 0.85,
            "pattern": {
                "shape": "/" if growing else "",
                "fgcolor": "rgba(255,255,255,0.45)",
                "bgcolor": colour,
                "size": 9,
                "solidity": 0.25,
            },
        },
        hovertext=text,
        hovertemplate="%{y}<br>%{hovertext}<extra></extra>",
    )


def _marks(row: str, times: list[int], symbol: str, colour: str, texts: list[str]) -> go.Scatter:
    return go.Scatter(
        x=[stamp(at) for at in times],
        y=[row] * len(times),
        mode="markers",
        marker={"symbol": symbol, "size": 11, "color": colour},
        hovertext=[f"{utc(at)}<br>{text}" for at, text in zip(times, texts, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _proposed(view: IncidentView) -> list[str]:
    return [f"checkpoint {c.index} proposed: {duration(c.covered_seconds)}" for c in view.checkpoints]


def _ready(view: IncidentView) -> list[str]:
    return [f"checkpoint {c.index} may be confirmed" for c in view.checkpoints]


def _mark_time(figure: go.Figure, at: int, name: str, colour: str) -> None:
    # add_vline can't place an annotation on a date axis, so the two are drawn apart
    figure.add_shape(
        type="line", x0=stamp(at), x1=stamp(at), y0=0, y1=1, yref="paper", line={"color": colour, "dash": "dot"}
    )
    figure.add_annotation(
        x=stamp(at), y=1, yref="paper", text=name, showarrow=False, xanchor="left", yanchor="bottom", font_size=11
    )


def gains(found: LookBack) -> go.Figure:
    """Nats that each model won over the baseline with the interval, best on top; the shipped one in another colour."""
    ordered = sorted(found.models, key=lambda each: each.gain)
    dots = go.Scatter(
        x=[each.gain for each in ordered],
        y=[each.name.replace("_", " ") for each in ordered],
        mode="markers",
        marker={"size": 9, "color": [TEAL if each.name == found.shipped else BLUE for each in ordered]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [each.gain_high - each.gain for each in ordered],
            "arrayminus": [each.gain - each.gain_low for each in ordered],
            "color": GREY,
            "thickness": 1.2,
        },
        customdata=[f"{each.gain_low:.1f} to {each.gain_high:.1f}" for each in ordered],
        hovertemplate="%{y}<br>%{x:+.1f} nats (%{customdata})<extra></extra>",
    )
    figure = _figure([dots], "gains")
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"})
    return figure.update_xaxes(title=f"nats won over {found.baseline.replace('_', ' ')}")


def synthetic_book(found: LookBack) -> go.Figure:
    """By year what was expected, what the premium was, and what was paid with what the unknown ends allow."""
    years = [each for each in found.book if each.year != "all"]
    names = [each.year for each in years]
    paid = go.Bar(
        name="paid",
        x=names,
        y=[each.paid_base for each in years],
        marker={"color": BLUE},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [each.paid_high - each.paid_base for each in years],
            "arrayminus": [each.paid_base - each.paid_low for each in years],
            "color": GREY,
        },
    )
    lines = [
        go.Scatter(name=name, x=names, y=values, mode="lines+markers", line={"color": colour, "width": 2})
        for name, values, colour in (
            ("expected payout", [each.expected for each in years], TEAL),
            ("premium", [each.premium for each in years], AMBER),
        )
    ]
    legend = {"orientation": "h", "x": 0, "y": 1.08}
    figure = _figure([paid, *lines], "synthetic-book", showlegend=True, legend=legend, bargap=0.5)
    figure.update_xaxes(type="category")
    return figure.update_yaxes(title="asset units", tickformat="~s", rangemode="tozero")


def calibration(found: LookBack) -> go.Figure:
    """Randomised probability integral transform of the shipped model, with the line on which all should lie."""
    count = len(found.pit)
    bars = go.Bar(
        x=[f"{100 * i // count}-{100 * (i + 1) // count}%" for i in range(count)],
        y=list(found.pit),
        marker={"color": BLUE},
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )
    figure = _figure([bars], "calibration", bargap=0.15)
    figure.add_hline(y=1 / max(1, count), line={"color": RED, "width": 1.5, "dash": "dot"})
    figure.update_xaxes(title=f"tenth of the forecast (test for uniformity: p = {found.pit_p_value:.2f})")
    return figure.update_yaxes(tickformat=".0%", rangemode="tozero")


def spread(found: LookBack) -> go.Figure:
    """Halts expected and seen by fifth of the expected rate."""
    names = ["quietest fifth", *(f"{i}." for i in range(2, len(found.spread))), "busiest fifth"]
    bars = [
        go.Bar(name=name, x=names, y=values, marker={"color": colour})
        for name, values, colour in (
            ("expected", [each.expected for each in found.spread], TEAL),
            ("seen", [each.observed for each in found.spread], BLUE),
        )
    ]
    legend = {"orientation": "h", "x": 0, "y": 1.12}
    figure = _figure(bars, "spread", showlegend=True, legend=legend, bargap=0.3)
    # names such as "2." would pass for numbers
    return figure.update_xaxes(type="category").update_yaxes(title="halts", rangemode="tozero")
