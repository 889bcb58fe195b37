"""The dashboard beside the API in one ASGI app: the pages on one engine."""

from types import ModuleType

import dash
from dash import Dash, Input, Output, dcc, html
from fastapi import FastAPI

from dashboard.components import TICK_MILLISECONDS
from dashboard.pages import incidents, look_back, pool, underwriting
from dashboard.text import utc
from insure.api import EngineFace, create_api
from insure.errors import ChainError

PAGES: tuple[ModuleType, ...] = (underwriting, pool, incidents, look_back)


def create_app(engine: EngineFace) -> FastAPI:
    """The ASGI app of one engine: the pages at /, the API at /v1, its reference at /docs."""
    api = create_api(engine)
    app = Dash(
        __name__,
        server=api,  # type: ignore[arg-type]  # its types know of one kind of server only
        use_pages=True,
        pages_folder="",
        suppress_callback_exceptions=True,
        title="Downtime cover",
        update_title="",
        meta_tags=[{"name": "color-scheme", "content": "light dark"}],
    )
    for order, page in enumerate(PAGES):
        # the registry of pages is the library's own global: layouts hold no engine, so that apps can share it
        dash.register_page(page.__name__, path=page.PATH, title=page.TITLE, layout=page.layout, order=order)  # type: ignore[no-untyped-call]
        page.register(app, engine)
    app.layout = _frame()
    _register_frame(app, engine)
    return api


def _frame() -> html.Div:
    """What all pages share: name, way to the pages, clock."""
    links = [dcc.Link(page.NAME, href=page.PATH, id=f"frame-link-{page.PATH.strip('/') or 'home'}") for page in PAGES]
    return html.Div(
        [
            html.Nav(
                [
                    html.Span([html.Span(className="mark"), "Downtime cover"], className="brand"),
                    html.Div(links, className="links"),
                    html.A("API", href="/docs", className="api"),
                    html.Span(id="frame-clock", className="clock"),
                ]
            ),
            dash.page_container,
            dcc.Interval(id="frame-tick", interval=TICK_MILLISECONDS),
            dcc.Location(id="frame-place"),
        ]
    )


def _register_frame(app: Dash, engine: EngineFace) -> None:
    @app.callback(Output("frame-clock", "children"), Input("frame-tick", "n_intervals"))
    def clock(_: int | None) -> str:
        try:
            health = engine.health()
        except ChainError as error:
            return f"{utc(engine.now())} · the host chain does not answer: {error}"
        failing = [job.name for job in health.jobs if job.last_error]
        note = f" · failing: {', '.join(failing)}" if failing else ""
        return f"{utc(health.now)} · chain {health.chain_id}, block {health.head:,}{note}"

    for page in PAGES:
        output = Output(f"frame-link-{page.PATH.strip('/') or 'home'}", "className")

        @app.callback(output, Input("frame-place", "pathname"))
        def active(path: str | None, own: str = page.PATH) -> str:
            return "active" if path == own else ""
