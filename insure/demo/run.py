"""Sets the demo's stage, shows its progress, prints the ledger, and leaves the dashboard up if asked."""

import json
import time
from contextlib import ExitStack

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from insure import dataset
from insure.api.server import Server, require_free
from insure.chain.anvil import AnvilChain
from insure.chain.embedded import EmbeddedChain
from insure.dataset import Dataset
from insure.demo.story import DECIMALS, TERM_SECONDS, TERMS, Ending, Plot, Story
from insure.demo.world import HOST_CHAIN_ID, World, distinct, evm_id
from insure.engine import fit_model
from insure.errors import InvalidInput
from insure.price_tables import price_table
from insure.quoting import price_view
from insure.records.units import amount_text, duration_text, time_text
from insure.settings import Settings
from insure.store import Store
from insure.terminal import console, ledger_table, staker_table, subject_table
from pricing_models.model import Model
from pricing_models.premium import Loadings

DEFAULT_SUBJECT = "eip155:42161"
CONTROLS = ("eip155:10", "eip155:8453")
HALT_SECONDS = 3 * 3_600
BEFORE_SECONDS = 28 * 3_600
"""From the first block to the halt: the sale, the cooling-off of a day, and some beats."""

_STAND_INS = (1_990_001, 1_990_002)
"""Chain ids of the processes that stand in for subjects that are no EVM chains."""


def run_demo(
    settings: Settings, now: int, replay: str | None = None, serve: bool = False, as_json: bool = False
) -> Ending:
    """Plays the main job and prints it; with `replay` on the interval of a real outage, else on a halt of three hours.

    The host is an embedded chain, or the anvil at the settings' `rpc_url`. The price is made from what was known
    before the halt. Raises `InvalidInput` when the outage can't be replayed, `NotConfigured` when the port is taken.
    """
    started = time.monotonic()
    if serve:
        require_free(settings.host, settings.port)
    out = console(stderr=as_json)
    history = dataset.load(settings.data)
    anvil = AnvilChain(settings.rpc_url) if settings.rpc_url else None
    plot = plot_of(history, replay, now if anvil is None else max(now, anvil.head().timestamp))
    sold_at = plot.halt_from - BEFORE_SECONDS
    model = fit_model(history, sold_at)
    with ExitStack() as stack:
        world = stack.enter_context(_world(plot, sold_at, anvil))
        _print_prices(out, history, model, plot)
        progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=out)
        task = progress.add_task("deploying the contracts")

        def tell(line: str) -> None:
            progress.print(f"[dim]{time_text(world.now())}[/dim]  {line}")
            progress.update(task, description=line)

        with progress:
            store = Store("sqlite://").create()
            story = Story(world, plot, history, model, store, tell)
            stack.callback(story.board.stop)
            ending = story.play()
        seconds = time.monotonic() - started
        _print_ending(out, story, ending, plot)
        out.print(f"done in {seconds:.1f} s")
        if as_json:
            print(json.dumps(ending_json(ending, plot, seconds)), flush=True)
        if serve:
            _serve(out, story, settings)
    return ending


def plot_of(history: Dataset, replay: str | None, now: int) -> Plot:
    """What is to happen: the interval of the outage named, or three hours of the default subject from `now` on."""
    if replay is None:
        start = now + BEFORE_SECONDS
        return Plot(DEFAULT_SUBJECT, distinct(CONTROLS, DEFAULT_SUBJECT), start, start + HALT_SECONDS)
    outage = dataset.find_outage(history, replay)
    interval = dataset.replayable(outage)
    if interval is None:
        raise InvalidInput(f"--replay {replay!r}: the length of this outage is not known; choose another")
    return Plot(outage.subject, distinct(CONTROLS, outage.subject), *interval)


def _world(plot: Plot, genesis_time: int, anvil: AnvilChain | None) -> World:
    if anvil is not None and anvil.head().timestamp > genesis_time:
        clock = time_text(anvil.head().timestamp)
        raise InvalidInput(f"the host's clock is at {clock}, after the sale: start it with --timestamp {genesis_time}")
    host = anvil or EmbeddedChain(HOST_CHAIN_ID, genesis_time)
    subject = evm_id(plot.subject_id, _STAND_INS[0])
    return World(host, host, genesis_time, subject, evm_id(plot.control_id, _STAND_INS[1]))


def _print_prices(console: Console, history: Dataset, model: Model, plot: Plot) -> None:
    summary = model.summary()
    console.print(subject_table(summary, {each.id: each.name for each in history.subjects}))
    premium = model.price(plot.subject_id, TERMS, TERM_SECONDS, Loadings())
    console.print(price_table(price_view(plot.subject_id, TERMS, TERM_SECONDS, premium, model), DECIMALS))


def _print_ending(console: Console, story: Story, ending: Ending, plot: Plot) -> None:
    symbol = story.engine.deployment.asset_symbol
    since = ending.policy.start - BEFORE_SECONDS
    console.print(ledger_table(story.engine.ledger(), since, DECIMALS, symbol))
    console.print(staker_table(ending.stakers_before, ending.stakers_after, DECIMALS, symbol))
    console.print(
        f"{plot.subject_id} was down {duration_text(plot.halt_until - plot.halt_from)}, "
        f"of which {ending.covered_seconds:,} s are covered by the incident"
    )
    lines = {
        "premium": ending.policy.premium,
        "owed by the payoff": ending.owed,
        "paid": ending.paid,
        "of it while down": ending.paid_while_down,
        "pool before": ending.pool_before,
        "pool after": ending.pool_after,
    }
    for name, amount in lines.items():
        console.print(f"  {name:<20}{amount_text(amount, DECIMALS, symbol):>24}")


def ending_json(ending: Ending, plot: Plot, seconds: float) -> dict[str, object]:
    """The ending as JSON: amounts are strings of smallest units, times UTC seconds."""
    return {
        "subject": plot.subject_id,
        "premium": str(ending.policy.premium),
        "owed": str(ending.owed),
        "paid": str(ending.paid),
        "incident": {
            "from": ending.covered.start,
            "until": ending.covered.until,
            "covered_seconds": ending.covered_seconds,
        },
        "halt": {"from": plot.halt_from, "until": plot.halt_until},
        "paid_while_down": str(ending.paid_while_down),
        "pool_before": str(ending.pool_before),
        "pool_after": str(ending.pool_after),
        "refused_after_alarm": "NotQuiet" in ending.refusal,
        "seconds": round(seconds, 1),
    }


def _serve(console: Console, story: Story, settings: Settings) -> None:
    """Dashboard and API on the demo's state until Ctrl-C."""
    from dashboard.app import create_app  # takes a second to import, and most runs don't need it

    story.board.start()
    with Server(create_app(story.engine), settings.host, settings.port) as server:
        console.print(f"dashboard at {server.url}, API at {server.url}/docs; Ctrl-C ends it")
        try:
            server.wait()
        except KeyboardInterrupt:
            console.print("stopped")
