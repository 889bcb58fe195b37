"""`insure model ...`: fits the models, shows and compares fits, looks back."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from insure import dataset
from insure.engine import fit_model
from insure.errors import InvalidInput, NotConfigured
from insure.fits import Fits
from insure.model_tables import facts_tables, fit_facts, refit_json, refit_tables, subject_facts
from insure.overrides import append_override
from insure.quoting import floor_premium
from insure.records.mirror import PricedOn, RecordedQuote
from insure.records.onchain import Bytes32
from insure.settings import Settings
from insure.store import Store
from insure.terminal import backtest_tables, console
from pricing_models import backtest, refit
from pricing_models.book import STANDARD_TERMS
from pricing_models.model import Model
from pricing_models.premium import Loadings
from pricing_models.pricing import Enquiry

app = typer.Typer(no_args_is_help=True, help=__doc__)

_DAY_SECONDS = 86_400


@app.callback()
def model() -> None:
    """What the models say of themselves."""


AsOf = Annotated[str, typer.Option(help="Last day known, such as 2026-11-22; today by default.")]
StoreOption = Annotated[Path, typer.Option(help="Folder of stored fits.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
_STORE = Path("models")
PANEL = Enquiry("", STANDARD_TERMS, 90 * _DAY_SECONDS)
"""The cover whose prices are compared where nothing was quoted yet: 5,000 an hour beyond the first, for 90 days."""


@app.command("fit")
def fit_command(as_of: AsOf = "", store: StoreOption = _STORE, as_json: AsJson = False) -> None:
    """Fits the models, stores the fit, and tells which quoted prices moved by more than 10% since the last, and why."""
    settings, day = Settings.from_env(), _known(as_of)
    history = dataset.load(settings.data)
    now = fit_model(history, day)
    try:
        before = Fits(store).last()
    except InvalidInput as error:  # of an earlier program, say: the new fit is stored all the same
        console(stderr=True).print(f"what moved since the last fit is not told: {error}")
        before = None
    path, made = keep(now, history, day, store)
    moved = None if before is None else _moves(before.model, now, settings)
    if as_json:
        told = {"model_version": now.version, "stored": str(path), **made}
        print(json.dumps(told | {"refit": None if moved is None else refit_json(moved)}))
        return
    console().print(f"model {now.version}, stored in {path}")
    if moved is not None:
        for each in refit_tables(moved):
            console().print(each)


def keep(model: Model, history: dataset.Dataset, as_of: int, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Stores a fit: the file, and what it was made from. Whoever holds a quote finds by its version what it was priced
    with. Raises `InvalidInput` when the folder can't be written."""
    made = _made_from(history, as_of) | {"at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    return Fits(folder).save(model, made), made


@app.command("show")
def show_command(
    subject: Annotated[str, typer.Argument(help="A subject; the whole fit without one.")] = "",
    version: Annotated[str, typer.Option(help="A stored version; a fit of today's data by default.")] = "",
    as_of: AsOf = "",
    store: StoreOption = _STORE,
    as_json: AsJson = False,
) -> None:
    """What a fit says: of all together, or of one subject, with the overrides in force."""
    history = dataset.load(Settings.from_env().data)
    model = Fits(store).load(version).model if version else fit_model(history, _known(as_of))
    found = subject_facts(model, history.chain(subject).id) if subject else fit_facts(model)
    if as_json:
        print(json.dumps(found))
        return
    for table in facts_tables(found):
        console().print(table)


@app.command("compare")
def compare_command(
    old: Annotated[str, typer.Argument(metavar="V1", help="A stored version; its first digits are enough.")],
    new: Annotated[str, typer.Argument(metavar="V2", help="Another.")],
    store: StoreOption = _STORE,
    as_json: AsJson = False,
) -> None:
    """Which prices differ by more than 10% between two stored fits, and why."""
    fits = Fits(store)
    was, now = fits.load(old).model, fits.load(new).model
    moved = _moves(was, now, Settings.from_env())
    if as_json:
        print(json.dumps(refit_json(moved)))
        return
    for each in refit_tables(moved):
        console().print(each)


@app.command("override")
def override_command(
    subject: Annotated[str, typer.Argument(help="The subject whose rate is overridden.")],
    reason: Annotated[str, typer.Option(help="Why: kept, and shown with every price.")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    rate: Annotated[str, typer.Option(help="Halts a year; empty lifts the override in force.")] = "",
    day: Annotated[str, typer.Option(help="From when on; today by default.")] = "",
) -> None:
    """Puts a rate in the place of the fitted one, with its reason, in overrides.csv of INSURE_DATA."""
    settings = Settings.from_env()
    if settings.data is None:
        raise NotConfigured("INSURE_DATA is not set: overrides are kept beside a history of one's own")
    subject_id = dataset.load(settings.data).chain(subject).id
    at = datetime.fromtimestamp(_day("--day", day), UTC).strftime("%Y-%m-%d")
    found = append_override(settings.data, subject_id, rate, by, at, reason)
    words = "no override any more" if found.rate is None else f"{found.rate:.3g} halts a year"
    console().print(f"{subject_id}: {words} from {at}: {reason}")


def _moves(old: Model, new: Model, settings: Settings) -> refit.Refit:
    """How the prices that were quoted moved, each on the paths, with the loadings and above the floor that it was
    quoted with; those of the same cover on every subject where nothing was quoted."""
    quotes = _quotes(settings)
    if not quotes:
        return refit.report(old, new, refit.standard_panel(new, PANEL))
    asked = [enquiry for enquiry, _ in quotes]
    loadings = [Loadings() if on is None else on.loadings for _, on in quotes]
    floors = [0 if on is None else floor_premium(on.floor_rate_bps, it.terms, it.term_seconds) for it, on in quotes]
    found = refit.report(old, new, asked, loadings, floors=floors)
    unknown = sum(on is None for _, on in quotes)
    if not unknown:
        return found
    words = f"{unknown} of {len(quotes)} quotes do not say on which paths and with which loadings: the usual are taken"
    return replace(found, settings=(*found.settings, words))


def _quotes(settings: Settings) -> list[tuple[Enquiry, PricedOn | None]]:
    """The cover that was quoted, by the mirror, and what it was priced on if that was kept."""
    scheme, _, file = settings.database_url.partition(":///")
    if scheme.startswith("sqlite") and not Path(file).is_file():
        return []  # there is no mirror, and looking must not make one
    mirror = Store(settings.database_url).create()
    quotes, triggers = mirror.quotes(), {each.trigger_id: each.subject_id for each in mirror.triggers()}
    mirror.close()
    return quoted_enquiries(quotes, triggers)


def quoted_enquiries(
    quotes: Sequence[RecordedQuote], triggers: Mapping[Bytes32, str]
) -> list[tuple[Enquiry, PricedOn | None]]:
    """What was asked for by quotes on known triggers (subject by id), as it was priced then, and on what if known."""
    found = []
    for each in quotes:
        quote, on = each.signed.quote, each.priced_on
        if quote.trigger_id in triggers:
            enquiry = Enquiry(triggers[quote.trigger_id], quote.terms, quote.end - quote.start)
            found.append((enquiry if on is None else _as_quoted(enquiry, on), on))
    return found


def _as_quoted(enquiry: Enquiry, on: PricedOn) -> Enquiry:
    need, room = on.marginal_capital, on.utilisation
    return replace(enquiry, trigger=on.trigger, utilisation=room, marginal_capital=need)


@app.command("backtest")
def backtest_command(
    out: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("results/backtest.json"),
    as_of: Annotated[str, typer.Option(help="Last day known, such as 2026-11-22; today by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON too.")] = False,
) -> None:
    """Looks back: forecasts and prices of every past year against what then happened. Takes minutes."""
    day = _known(as_of)
    if not out.parent.is_dir():
        raise InvalidInput(f"--out is {out}: {out.parent} must be a folder")
    if out.is_dir() or not os.access(out if out.exists() else out.parent, os.W_OK):
        raise InvalidInput(f"--out is {out}: must be a file that can be written")
    found = run_backtest(dataset.load(Settings.from_env().data), day)
    text = json.dumps(found, indent=1)
    out.write_text(text + "\n")
    if as_json:
        print(text)
        return
    for table in backtest_tables(found):
        console().print(table)
    console().print(*(f"- {line}" for line in found["unflattering"]), sep="\n")


def run_backtest(history: dataset.Dataset, as_of: int) -> dict[str, Any]:
    """The look back with what it was made from: model version, data fingerprint, day, commit (null outside git)."""
    subjects, outages = dataset.experience_frames(history, as_of)
    model = fit_model(history, as_of)
    made_from = _made_from(history, as_of) | {"model_version": model.version}
    return made_from | backtest.report(subjects, outages, as_of, model)


def _made_from(history: dataset.Dataset, as_of: int) -> dict[str, Any]:
    return {
        "as_of": datetime.fromtimestamp(as_of, UTC).strftime("%Y-%m-%d"),
        "data_fingerprint": history.fingerprint,
        "commit": _commit(),
    }


def _known(as_of: str) -> int:
    """First second (UTC) of the last day that is known; raises `InvalidInput` for one that is still to come, whose
    quiet would count as observed."""
    day, today = _day("--as-of", as_of), _day("--as-of", "")
    if day > today:
        told = datetime.fromtimestamp(today, UTC).strftime("%Y-%m-%d")
        raise InvalidInput(f"--as-of is {as_of!r}: must not be after today, {told}")
    return day


def _day(option: str, text: str) -> int:
    """First second (UTC) of a day; of today when empty."""
    if not text:
        return int(time.time()) // _DAY_SECONDS * _DAY_SECONDS
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InvalidInput(f"{option} is {text!r}: must be a day such as 2026-11-22") from None


def _commit() -> str | None:
    """The commit of the code, None where it does not come from a git checkout."""
    command = ["git", "-C", str(Path(__file__).resolve().parent), "rev-parse", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return told.stdout.strip() or None
