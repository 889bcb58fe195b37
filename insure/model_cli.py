"""`insure model ...`: what the models say of themselves."""

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from insure import dataset
from insure.engine import fit_model
from insure.errors import InvalidInput
from insure.settings import Settings
from insure.terminal import backtest_tables, console
from pricing_models import backtest

app = typer.Typer(no_args_is_help=True, help=__doc__)

_DAY_SECONDS = 86_400


@app.callback()
def model() -> None:
    """What the models say of themselves."""


@app.command("backtest")
def backtest_command(
    out: Annotated[Path, typer.Option(help="Where the JSON goes.")] = Path("results/backtest.json"),
    as_of: Annotated[str, typer.Option(help="Last day known, such as 2026-11-22; today by default.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON too.")] = False,
) -> None:
    """Looks back: forecasts and prices of every past year against what then happened. Takes a minute."""
    day = _day(as_of)
    if not out.parent.is_dir():
        raise InvalidInput(f"--out is {out}: {out.parent} must be a folder")
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
    made_from = {
        "as_of": datetime.fromtimestamp(as_of, UTC).strftime("%Y-%m-%d"),
        "model_version": model.version,
        "data_fingerprint": history.fingerprint,
        "commit": _commit(),
    }
    return made_from | backtest.report(subjects, outages, as_of, model)


def _day(text: str) -> int:
    """First second (UTC) of a day; of today when empty."""
    if not text:
        return int(time.time()) // _DAY_SECONDS * _DAY_SECONDS
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise InvalidInput(f"--as-of is {text!r}: must be a day such as 2026-11-22") from None


def _commit() -> str | None:
    """The commit of the code, None where it does not come from a git checkout."""
    command = ["git", "-C", str(Path(__file__).resolve().parent), "rev-parse", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return told.stdout.strip() or None
