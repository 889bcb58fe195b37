"""The building blocks of the pages: cards, tiles, tables, badges, fields."""

from collections.abc import Sequence

from dash import dcc, html
from dash.dash_table.DataTable import DataTable
from dash.development.base_component import Component

from insure.records.views import SubjectState

TICK_MILLISECONDS = 2_000

Cell = str | int | float | Component

_STATES = {
    SubjectState.QUIET: ("on sale", "good"),
    SubjectState.ALARMED: ("alarmed", "warn"),
    SubjectState.INCIDENT: ("incident", "bad"),
    SubjectState.CLOSED: ("sales stopped", "warn"),
    SubjectState.UNLISTED: ("not listed", "mute"),
}


def page(title: str, lead: str, tick: str, children: Sequence[Component]) -> html.Main:
    """A page: head, content, and the tick that makes it follow the engine."""
    return html.Main(
        [
            html.Header([html.H1(title), html.P(lead, className="lead")], className="page-head"),
            *children,
            dcc.Interval(id=tick, interval=TICK_MILLISECONDS),
        ]
    )


def card(title: str, *children: Component, note: str = "", wide: bool = False) -> html.Section:
    """A titled block; `wide` takes the whole row."""
    head: list[Component] = [html.H2(title)]
    if note:
        head.append(html.P(note, className="note"))
    return html.Section([*head, *children], className="card wide" if wide else "card")


def tiles(items: Sequence[tuple[str, str, str]]) -> html.Div:
    """Figures at a glance: (label, value, gloss) each."""
    return html.Div(
        [
            html.Div(
                [
                    html.Span(label, className="tile-label"),
                    html.Strong(value, className="tile-value"),
                    html.Span(gloss, className="tile-gloss"),
                ],
                className="tile",
            )
            for label, value, gloss in items
        ],
        className="tiles",
    )


def badge(text: str, tone: str) -> html.Span:
    """A small coloured word; tones are good, warn, bad, mute, info."""
    return html.Span(text, className=f"badge {tone}")


def state_badge(state: SubjectState) -> html.Span:
    """The state of sales on a subject."""
    return badge(*_STATES[state])


def table(
    columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Cell]], empty: str, caption: str = ""
) -> Component:
    """A table; a column is (title, kind), kinds `text`, `number`, `code`. `empty` is said when there is no row."""
    if not rows:
        return nothing(empty)
    head = html.Thead(html.Tr([html.Th(title, className=kind, scope="col") for title, kind in columns]))
    body = html.Tbody(
        [html.Tr([html.Td(cell, className=kind) for cell, (_, kind) in zip(row, columns, strict=True)]) for row in rows]
    )
    parts = [html.Caption(caption), head, body] if caption else [head, body]
    return html.Div(html.Table(parts), className="scroll", tabIndex="0")


def long_table(name: str, columns: Sequence[tuple[str, str]], page_size: int = 25) -> DataTable:
    """A table of any length, a page of it at a time, to be filtered by words; its `data` are rows by title.

    It is one component however long it is: of a table built of cells the browser is told of each, at every change.
    """
    return DataTable(
        id=name,
        columns=[{"name": title, "id": title} for title, _ in columns],
        data=[],
        page_size=page_size,
        filter_action="native",
        filter_options={"case": "insensitive"},
        style_as_list_view=True,
        style_table={"overflowX": "auto"},
        style_cell={"fontFamily": "inherit", "fontSize": "13px", "textAlign": "left", "padding": "6px 10px"},
        style_cell_conditional=[
            {"if": {"column_id": title}, "textAlign": "right"} for title, kind in columns if kind == "number"
        ],
    )


def state_words(state: SubjectState) -> str:
    """The state of sales on a subject, in words."""
    return _STATES[state][0]


def facts(items: Sequence[tuple[str, Cell]]) -> html.Dl:
    """Name and value pairs."""
    pairs = [part for name, value in items for part in (html.Dt(name), html.Dd(value))]
    return html.Dl(pairs, className="facts")


def field(name: str, label: str, control: Component, unit: str = "", hint: str = "") -> html.Div:
    """The form control with the id `name`, with its label, unit and hint."""
    row = [control, html.Span(unit, className="unit")] if unit else [control]
    parts: list[Component] = [html.Label(label, htmlFor=name), html.Div(row, className="control")]
    if hint:
        parts.append(html.P(hint, className="hint"))
    return html.Div(parts, className="field")


def graph(name: str, height: int) -> dcc.Graph:
    """An empty place for a figure of a fixed height, without plotly's tool bar."""
    return dcc.Graph(
        id=name,
        config={"displayModeBar": False, "responsive": True},
        style={"height": f"{height}px"},
        className="graph",
    )


def message(text: str, tone: str) -> html.P:
    """A sentence set apart: what is wrong, or what to know."""
    return html.P(text, className=f"message {tone}", role="status")


def nothing(text: str) -> html.P:
    """What stands where there is nothing to show."""
    return html.P(text, className="empty")
