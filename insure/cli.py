"""`insure ...`: the command line; every wrong input ends in one clear line and a non-zero exit."""

import json
import os
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from insure import dataset, model_cli, outages_cli, portfolio_cli
from insure.api.server import Server, require_free
from insure.chain.abi_package import abi_package
from insure.chain.heads import Heads
from insure.chain.rpc import Chain
from insure.cover_options import (
    AggregateLimitOption,
    FailoverOption,
    IncidentLimitOption,
    RateOption,
    SemanticsOption,
    SubjectOption,
    TermOption,
    WaitingOption,
    read_terms,
)
from insure.engine import fit_model, price_cover, price_treatments
from insure.errors import InsureError, InvalidInput
from insure.installation import from_settings, jobs_aside
from insure.jobs import JobBoard
from insure.key_change import KeyChange
from insure.logs import configure
from insure.ops.check import check
from insure.ops.check_site import check_site
from insure.ops.deploy import deploy_plan, read_plan
from insure.price_tables import price_json, price_table, readings_table
from insure.rebuild import compare, reread
from insure.records.deployment import Deployment
from insure.records.units import parse_duration
from insure.settings import Settings, secret_files
from insure.store import Store
from insure.store.backup import back_up, restore
from insure.terminal import check_table, console, subject_table
from insure.trigger_file import read_trigger
from pricing_models.errors import ModelError
from pricing_models.observation import STANDARD_TRIGGER
from pricing_models.payoff import Semantics

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(model_cli.app, name="model")
app.add_typer(outages_cli.app, name="outages")
app.add_typer(portfolio_cli.app, name="portfolio")

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object last, and the rest on stderr.")]
"""Amounts in JSON are strings of smallest units."""


@app.command()
def subjects(as_json: JsonOption = False) -> None:
    """What the history and the models say of every subject."""
    history = dataset.load(Settings.from_env().data)
    summary = fit_model(history, int(time.time())).summary()
    if as_json:
        print(summary.to_json(orient="table", index=True))
        return
    console().print(subject_table(summary, {each.id: each.name for each in history.subjects}))


@app.command()
def price(
    subject: SubjectOption,
    waiting: WaitingOption = "1h",
    semantics: SemanticsOption = Semantics.RETENTION.value,
    rate: RateOption = "5000/h",
    incident_limit: IncidentLimitOption = "60000",
    aggregate_limit: AggregateLimitOption = "",
    failover_benefit: FailoverOption = "0",
    trigger: Annotated[
        Path | None, typer.Option(help="JSON file with the trigger's paths; the usual ones if none.")
    ] = None,
    term: TermOption = "90d",
    tail: Annotated[
        Path | None,
        typer.Option(help="What `insure portfolio simulate --tail` wrote today: adds the marginal capital."),
    ] = None,
    decimals: Annotated[int, typer.Option(min=0, max=18, help="Decimals of the asset.")] = 6,
    as_json: JsonOption = False,
) -> None:
    """The price of cover on a subject, with what it is made of."""
    terms = read_terms(waiting, semantics, rate, incident_limit, aggregate_limit, failover_benefit, decimals)
    seconds, now = parse_duration("--term", term), int(time.time())
    paths = read_trigger(trigger) if trigger else STANDARD_TRIGGER
    history = dataset.load(Settings.from_env().data)
    model = fit_model(history, now)
    view = price_cover(history, subject, terms, seconds, now, model, paths, tail)
    readings = price_treatments(history, model, subject, terms, seconds, paths)
    if as_json:
        print(json.dumps(price_json(view, readings)))
    else:
        console().print(price_table(view, decimals))
        console().print(readings_table(readings, decimals))


@app.command()
def demo(
    replay_of: Annotated[
        str, typer.Option("--replay", help="Replay a real outage of the data set, such as eip155:42161@2023-12-15.")
    ] = "",
    serve: Annotated[bool, typer.Option("--serve", help="Leave dashboard and API up afterwards.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port with --serve; INSURE_PORT by default.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """The main job on embedded chains: history priced, cover sold, a chain halted, the halt proven, the money paid."""
    from insure.demo import run_demo  # the dashboard takes a second to import: other commands need not wait for it

    settings = Settings.from_env()
    if port:
        settings = replace(settings, port=port)
    run_demo(settings, int(time.time()), replay=replay_of or None, serve=serve, as_json=as_json)


@app.command()
def deploy(
    plan: Annotated[Path, typer.Argument(help="JSON file with the fields of DeploymentPlan.")],
    replace_manifest: Annotated[bool, typer.Option("--replace", help="Write over an existing manifest.")] = False,
) -> None:
    """Deploys a whole installation to INSURE_RPC_URL and writes its manifest to INSURE_DEPLOYMENT."""
    settings = Settings.from_env(require=("rpc_url", "deployer_key"))
    if settings.deployment.exists() and not replace_manifest:
        raise InvalidInput(f"INSURE_DEPLOYMENT: {settings.deployment} exists; --replace writes over it")
    if settings.deployment.is_dir() or not os.access(settings.deployment.parent, os.W_OK):
        # better now than when the contracts are deployed and nobody knows where
        raise InvalidInput(f"INSURE_DEPLOYMENT: no file can be written at {settings.deployment}")
    deployment = deploy_plan(settings, read_plan(plan))
    settings.deployment.write_text(deployment.to_json())
    console().print(f"deployed on chain {deployment.chain_id}; manifest in {settings.deployment}; see `insure check`")


@app.command("check")
def check_command(as_json: JsonOption = False) -> None:
    """Verifies the installation of INSURE_DEPLOYMENT on INSURE_RPC_URL: code, wiring, powers, what is sold.

    Then what this machine needs to run it: endpoints, clock, keys, database.

    Ends with exit code 1 if anything is not as the manifest and the artifacts say.
    """
    settings = Settings.from_env(require=("rpc_url",))
    deployment = Deployment.read(settings.deployment)
    checks = check(Chain.connect(settings.rpc_url), deployment)
    if checks[0].ok:  # else it is another chain, and only that is said
        checks += check_site(settings, deployment, int(time.time()), secret_files())
    bad = sum(not each.ok for each in checks)
    console(stderr=as_json).print(check_table(checks))
    if as_json:
        print(json.dumps({"ok": not bad, "checks": [asdict(each) for each in checks]}))
    if bad:
        raise InsureError(f"{bad} of {len(checks)} checks failed")


@app.command("abi")
def abi_command(
    contract: Annotated[str, typer.Argument(help="Only this contract, such as CoverPool.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for one file per contract, and version.json.")] = None,
) -> None:
    """The contracts' ABIs as plain JSON: one as it is, all with their version."""
    package = abi_package()
    if out is not None:
        written = package.write(out, contract)
        console().print(f"{len(written)} files in {out}, version {package.version}")
    elif contract:
        print(json.dumps(package.abi(contract), indent=2))
    else:
        print(json.dumps(package.manifest() | {"abis": package.abis}, indent=2))


@app.command()
def run() -> None:
    """Runs an installation: jobs, dashboard and API, with the keys that the environment gives; dry without.

    The files of INSURE_KEEPER_KEY_FILE and INSURE_UNDERWRITER_KEY_FILE may change meanwhile.
    """
    from dashboard.app import create_app  # takes a second to import

    settings = Settings.from_env(require=("rpc_url",))
    require_free(settings.host, settings.port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a service manager's stop ends it as Ctrl-C does
    installation = from_settings(settings, clock=lambda: int(time.time()))
    model = installation.desk.model
    model_cli.keep(model, dataset.load(settings.data), int(model.experience.as_of), settings.models)
    keys = KeyChange(installation, settings, Settings.from_env).job
    board = JobBoard([*installation.timetable(), keys], installation.engine.now, installation.store)
    chain = installation.watcher.chain
    aside = JobBoard(jobs_aside(settings, installation.engine, chain), installation.engine.now, installation.store)
    installation.engine.job_status = lambda: [*board.status(), *aside.status()]
    heads = Heads(chain.head, board.nudge, settings.ws_url)
    installation.engine.head_source = lambda: heads.source
    with Server(create_app(installation.engine), settings.host, settings.port) as server:
        try:
            board.start()
            aside.start()
            heads.start()
            console().print(f"dashboard at {server.url}, API at {server.url}/docs; Ctrl-C ends it")
            server.wait()
        except KeyboardInterrupt:
            console().print("finishing the job that runs")
        finally:
            heads.close()
            aside.stop()
            board.stop()
            installation.close()


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="New file for all that the database holds.")]) -> None:
    """Writes everything in INSURE_DATABASE_URL into one compressed file, as it stands at one moment."""
    store = Store(Settings.from_env().database_url).create()
    console().print(f"{back_up(store, file):,} rows in {file}")


@app.command("restore")
def restore_command(file: Annotated[Path, typer.Argument(help="What `insure backup` wrote.")]) -> None:
    """Fills INSURE_DATABASE_URL, which must be new, from a backup, whichever kind of database that was of."""
    console().print(f"{restore(Store(Settings.from_env().database_url), file):,} rows restored")


@app.command()
def rebuild(
    only_check: Annotated[bool, typer.Option("--check", help="Say what differs, and change nothing.")] = False,
) -> None:
    """Reads the chain's logs anew, holds the mirror against them, and has it read anew if it differs.

    Exit code 1 with --check if it does. What is no copy of the chain (quotes, jobs, snapshots) stays as it is.
    """
    settings = Settings.from_env(require=("rpc_url",))
    deployment = Deployment.read(settings.deployment)
    chain = Chain.connect(settings.rpc_url, deployment.chain_id)
    store = Store(settings.database_url).create()
    wrong = compare(chain, store, deployment)
    for each in wrong:
        console().print(each)
    if not wrong:
        console().print("the mirror is what the chain says")
    elif only_check:
        raise typer.Exit(1)
    else:
        reread(chain, store, deployment, settings.confirmations)
        console().print("read anew")


def main() -> None:
    """Runs the command line; an error of ours is one line on stderr and exit code 1."""
    try:
        configure(Settings.from_env())
        app()
    except (InsureError, ModelError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
