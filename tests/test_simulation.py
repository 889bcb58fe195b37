"""What `insure.simulation` and `insure portfolio` promise: the same years wherever they run, and nothing half-done."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from insure import dataset, simulation
from insure.book import COLUMNS, halts_of
from insure.cli import app
from insure.engine import fit_model
from insure.errors import InvalidInput, NotConfigured
from insure.fits import Fits
from insure.tail_file import read_tail
from pricing_models import capital
from tests.pool_worlds import small_pool

BLOCKS = 30
BOOK = f"""{",".join(COLUMNS)}
p1,arbitrum-one,USDT,0,4000000000,3600,retention,277777,0,24000000000,60000000000
p2,eip155:10,USDT,0,4000000000,3600,retention,277777,1000000000,24000000000,30000000000
p3,solana,USDT,0,4000000000,7200,qualifying,1277777,0,24000000000,30000000000
"""

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="the extra 'dask'")
needs_parquet = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


@pytest.fixture(scope="module")
def book():
    return small_pool()


@pytest.fixture(scope="module")
def totals(book):
    return book.simulate(1, 0, BLOCKS)


@pytest.fixture
def book_file(tmp_path):
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["portfolio", *map(str, arguments)])


# Where blocks run


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_any_number_of_threads_gives_the_same_bytes(book, totals, workers):
    assert simulation.run_local(book.plan, 1, BLOCKS, workers).tobytes() == totals.tobytes()


def test_numpy_alone_gives_the_same_bytes(book, totals):
    assert simulation.run_with_numpy(book, 1, BLOCKS, 2).tobytes() == totals.tobytes()


def test_progress_is_told_of_every_year(book):
    told = []
    simulation.run_local(book.plan, 1, BLOCKS, 2, told.append)
    assert sum(told) == BLOCKS * 100 and len(told) > 1


def test_an_interruption_ends_the_run_and_leaves_no_thread(book):
    def interrupt(_years):
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        simulation.run_local(book.plan, 1, 2_000, 2, interrupt)
    assert threading.active_count() == before


@needs_dask
@pytest.mark.network
def test_a_dask_cluster_gives_the_same_bytes_even_if_a_worker_is_killed(book):
    from distributed import LocalCluster

    blocks = 3_000
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        killed = []

        def kill(_years):
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        found = simulation.run_on_dask(book.plan, 1, blocks, cluster.scheduler_address, kill)
    assert killed
    assert found.tobytes() == simulation.run_local(book.plan, 1, blocks).tobytes()


@pytest.mark.skipif(importlib.util.find_spec("distributed") is not None, reason="tells what to do without it")
def test_without_distributed_the_extra_is_named(book):
    with pytest.raises(NotConfigured, match="dask"):
        simulation.run_on_dask(book.plan, 1, 2, "tcp://127.0.0.1:1")


def test_numbers_of_years_that_make_no_sense_are_refused():
    assert simulation.blocks_for(1e6) == 10_000
    assert simulation.blocks_for(250) == 3
    assert simulation.blocks_for(300.5) == 4
    assert simulation.blocks_for(100.5) == 2
    for years in (0.0, 100.0, -5.0, float("nan"), 1e10):
        with pytest.raises(InvalidInput, match="years is"):
            simulation.blocks_for(years)
    with pytest.raises(InvalidInput, match="workers"):
        simulation.run_local(small_pool().plan, 1, 2, -1)


# Tables


def test_the_year_loss_table_has_every_year(totals):
    table = simulation.year_losses(totals)
    assert table["payout"].tolist() == totals.tolist()
    assert table["block"].iloc[-1] == BLOCKS - 1


def test_the_event_loss_table_adds_up_to_the_worst_years(book, totals):
    table = simulation.event_losses(book, 1, totals, 0.05)
    sums = table.groupby("year")["payout"].sum()
    worst = capital.tail(totals, 0.95).years
    assert sums.to_dict() == {year: totals[year] for year in worst.tolist()}
    assert set(table["root"]) <= set(book.world.order)


@needs_parquet
def test_tables_are_written_as_parquet(tmp_path, totals):
    simulation.write_parquet(simulation.year_losses(totals), tmp_path / "years.parquet")
    assert pd.read_parquet(tmp_path / "years.parquet")["payout"].tolist() == totals.tolist()
    assert [each.name for each in tmp_path.iterdir()] == ["years.parquet"]


def test_the_event_loss_table_holds_all_years_if_asked(book, totals):
    table = simulation.event_losses(book, 1, totals, 1.0)
    assert table["payout"].sum() == totals.sum()
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(InvalidInput, match="share of the years"):
            simulation.event_losses(book, 1, totals, share)


def test_an_interrupted_table_leaves_the_old_file_and_no_half_of_a_new_one(tmp_path):
    class Stopping(pd.DataFrame):
        def to_parquet(self, path, **_options):
            path.write_bytes(b"half")
            raise KeyboardInterrupt

    target = tmp_path / "years.parquet"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        simulation.write_parquet(Stopping(), target)
    assert [each.name for each in tmp_path.iterdir()] == ["years.parquet"]
    assert target.read_bytes() == b"old"


def test_a_table_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "folder.parquet").mkdir()
    for name in ("years.csv", "folder.parquet"):
        with pytest.raises(InvalidInput, match=r"must be a file and end in \.parquet"):
            simulation.require_parquet(tmp_path / name)
    with pytest.raises(InvalidInput, match=r"end in \.parquet"):
        simulation.require_parquet(tmp_path / "years.csv")
    with pytest.raises(InvalidInput, match="nothing can be written"):
        simulation.require_parquet(tmp_path / "nowhere" / "years.parquet")


# The command line


def test_simulate_prints_one_json_object(book_file):
    found = run("simulate", "--years", "20000", "--book", book_file, "--json", "--pool", "60000")
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout.splitlines()[-1])
    assert told["years"] == 20_000 and told["asset"] == "USDT"
    assert set(told["judgement"]) == {"base", "low", "high", "none"}
    low, base, high = (told["judgement"][each] for each in ("low", "base", "high"))
    assert low["mean"] != high["mean"] and base == {name: told[name] for name in base}
    for each in (low, base, high):
        assert set(each["tvar_by_policy"]) <= {"p1", "p2", "p3"}
        assert sum(map(int, each["tvar_by_policy"].values())) == int(each["tvar"]["value"])
    assert 0 < low["ruin"]["probability"] < base["ruin"]["probability"] < high["ruin"]["probability"] < 1
    assert low["aggregate_return_periods"] != high["aggregate_return_periods"]


def test_the_same_seed_and_moment_print_the_same_figures_with_any_number_of_workers(book_file, monkeypatch):
    monkeypatch.setattr("insure.portfolio_cli.time.time", lambda: 1_795_305_600.0)
    ask = ("simulate", "--years", "20000", "--book", book_file, "--json", "--no-judgement")
    told = [json.loads(run(*ask, "--workers", n).stdout.splitlines()[-1]) for n in (1, 2)]
    other = json.loads(run(*ask, "--seed", 9).stdout.splitlines()[-1])
    assert told[0] == told[1]
    assert told[0]["policies"] == 3 and told[0]["begins_at"] == 1_795_305_600
    assert other["mean"] != told[0]["mean"]


def test_the_command_line_runs_without_compiled_code_too(book_file):
    ask = ("simulate", "--years", "1000", "--book", book_file, "--json", "--no-judgement")
    told = [json.loads(run(*ask, *extra).stdout.splitlines()[-1]) for extra in ((), ("--numpy",))]
    assert told[0]["var"] == told[1]["var"] and told[0]["tvar_by_policy"] == told[1]["tvar_by_policy"]


def test_a_book_in_another_asset_than_the_pool_s_is_refused_by_its_rows(book_file):
    found = run("simulate", "--years", "1000", "--book", book_file, "--asset", "USDC")
    assert found.exit_code != 0
    problems = str(found.exception).splitlines()
    assert len(problems) == 3 and problems[0].startswith("book.csv:2:asset: 'USDT' differs from 'USDC' of the pool")


def test_simulate_prints_tables_for_people(book_file):
    found = run("simulate", "--years", "20000", "--book", book_file)
    assert found.exit_code == 0, found.output
    for words in ("fewer than 10,000 draws", "VaR 99.5%", "judgement: high", "TVaR by cause", "goes with judgement"):
        assert words in found.stdout


def test_a_stopped_l1_takes_its_rollups_along(book_file):
    told = json.loads(run("stop", "eip155:1", "12h", "--book", book_file, "--json").stdout)
    each = 277_777 * 11 * 3_600
    assert told["policies"] == {"p1": str(each), "p2": str(each + 1_000_000_000)}
    assert int(told["total"]) == 2 * each + 1_000_000_000
    links = [item for item in dataset.load().dependencies if item.cause == "eip155:1"]
    for end, proven in (("low", 0.5), ("base", 1.0), ("high", 1.0)):
        first, second = (
            getattr(link, f"pass_through_{end}")
            for name in ("eip155:42161", "eip155:10")
            for link in links
            if link.subject == name
        )
        assert int(told["expected"][end]) == pytest.approx(first * each + second * (each + proven * 10**9), abs=1)


def test_a_real_day_is_replayed_on_the_book(book_file):
    told = json.loads(run("replay", "2023-12-15", "--book", book_file, "--json").stdout)
    history = dataset.load()
    halts, _ = halts_of(history, "2023-12-15", 0)
    (length,) = [seconds for subject, _, seconds in halts if subject == "eip155:42161"]
    assert told["subjects"]["eip155:42161"] == str(277_777 * (length - 3_600))
    assert told["expected"] == dict.fromkeys(("low", "base", "high"), told["total"])  # no failover is covered there


@pytest.mark.network
def test_days_without_halts_and_unknown_causes_are_refused(book_file):
    for arguments, words in (
        (("replay", "1999-01-01"), "no halt of known length"),
        (("replay", "someday"), "YYYY-MM-DD"),
        (("stop", "eip155:99999999", "1h"), "unknown"),
        (("stop", "eip155:1", "soon"), "duration"),
        (("simulate", "--years", "5"), "years is 5"),
        (("simulate", "--years", "1000", "--event-share", "0.0001"), "--event-share is 0.0001"),
        (("simulate", "--scheduler", "foo"), "must be an address such as tcp://"),
        (("simulate", "--scheduler", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
        (("simulate", "--year-losses", "x.parquet", "--event-losses", "x.parquet"), "another file"),
        (("simulate", "--scheduler", "tcp://127.0.0.1:1", "--numpy"), "--numpy runs on this machine only"),
        (("simulate", "--scheduler", "tcp://127.0.0.1:1", "--year-losses", "x.csv"), ".parquet"),
    ):
        found = run(*arguments, "--book", book_file)
        assert found.exit_code != 0
        assert words in str(found.exception)


def test_a_second_interrupt_while_the_first_is_obeyed_starts_no_further_batch(monkeypatch):
    begun = []

    def batch(seed, at, size):
        begun.append(at)
        return np.zeros(size * 100, np.int64)

    def interrupt(done):
        raise KeyboardInterrupt

    pools, shutdown = [], ThreadPoolExecutor.shutdown

    def interrupted(self, wait=True, *, cancel_futures=False):
        pools.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr("insure.simulation.ThreadPoolExecutor.shutdown", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulation._on_threads(batch, 1, 2_000_000, 1, interrupt)
    shutdown(pools[0])  # what waits is not cancelled: it is given to the thread, as it would be at the process's end
    assert len(begun) < 2_000_000 // 512


def heed_interrupts():
    """What a shell starts in its background ignores them, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_a_long_run_at_once_and_prints_no_result(book_file, tmp_path):
    code = "from insure.cli import main; main()"
    ask = [sys.executable, "-c", code, "portfolio", "simulate", "--years", "1e8", "--book", str(book_file), "--json"]
    process = subprocess.Popen(ask, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_interrupts)
    time.sleep(8.0)
    assert process.poll() is None
    for _ in range(10):
        # on a busy machine it may be compiling still, and an interrupt within a callback from C is lost to Python
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
            break
    output, _ = process.communicate(timeout=1)
    assert process.returncode != 0 and output == b""
    assert [each.name for each in tmp_path.iterdir()] == ["book.csv"]


def test_no_year_depends_on_what_ran_before(book):
    first = book.simulate(4, 7, 2)
    book.simulate(9, 0, 50)
    assert np.array_equal(book.simulate(4, 7, 2), first)


def test_the_command_says_what_one_more_policy_adds_exactly(book_file):
    options = ["--book", book_file, "--years", "5e3", "--rate", "500/h", "--incident-limit", "6000", "--term", "120d"]
    found = run("candidate", "--subject", "arbitrum-one", *options, "--json")
    assert found.exit_code == 0, found.output
    shown = json.loads(found.stdout.splitlines()[-1])
    assert shown["subject"] == "eip155:42161" and shown["years"] == 5_000
    without, with_it, added = (int(shown[name]) for name in ("tvar", "tvar_with", "capital"))
    assert 0 < added <= 12_000 * 10**6
    assert abs(with_it - without - added) <= 1, "each rounded up"
    table = run("candidate", "--subject", "arbitrum-one", *options)
    assert "TVaR, judgement high" in table.output and "of its limit" in table.output
    ends = [int(shown["judgement"][end]["capital"]) for end in ("low", "base", "high")]
    assert ends[1] == added and len(set(ends)) == 3


def test_a_kept_run_tells_a_price_its_marginal_capital(book_file, tmp_path, monkeypatch):
    for module in ("portfolio_cli", "cli"):
        monkeypatch.setattr(f"insure.{module}.time.time", lambda: 1_795_305_600.0)
    tail, years = tmp_path / "pool.npz", ["--book", book_file, "--years", "5e3", "--no-judgement", "--json"]
    assert run("simulate", *years, "--tail", tail).exit_code == 0
    cover = ["--subject", "arbitrum-one", "--rate", "500/h", "--incident-limit", "6000", "--term", "120d"]
    told = json.loads(run("candidate", *cover, *years).stdout.splitlines()[-1])

    def price(*more):
        return CliRunner().invoke(app, ["price", *cover, *map(str, more)])

    plain, held = (json.loads(price("--json", *more).stdout) for more in ((), ("--tail", tail)))
    assert held["capital"] == {"lock": str(12_000 * 10**6), "marginal": told["capital"], "counts": "lock"}
    assert plain["capital"] == {"lock": str(12_000 * 10**6), "marginal": None, "counts": "lock"}
    assert held["premium"] == plain["premium"] and held["breakdown"] == plain["breakdown"]
    assert "Added to the pool's TVaR" in price("--tail", tail).stdout
    monkeypatch.setattr("insure.cli.time.time", lambda: 1_795_305_600.0 + 86_400)
    refused = str(price("--tail", tail).exception)
    assert f"is of model {plain['model_version']}: must be of " in refused and "insure portfolio simulate" in refused


def test_a_run_by_a_stored_fit_is_kept_for_prices_by_it(book_file, tmp_path, monkeypatch):
    monkeypatch.setenv("INSURE_MODELS", str(tmp_path / "models"))
    model = fit_model(dataset.load(), 1_790_000_000)
    Fits(tmp_path / "models").save(model, {"at": ""})
    tail = tmp_path / "pool.npz"
    found = run(
        "simulate",
        "--book",
        book_file,
        "--years",
        "1e3",
        "--no-judgement",
        "--json",
        "--tail",
        tail,
        "--version",
        model.version[:8],
    )
    assert json.loads(found.stdout.splitlines()[-1])["model_version"] == model.version
    assert read_tail(tail, model, dataset.load()).stored.totals.size == 1_000


def test_the_command_refuses_a_candidate_on_a_chain_that_nobody_knows(book_file):
    found = run("candidate", "--subject", "arbitrum-zero", "--book", book_file, "--years", "1e3")
    assert found.exit_code != 0 and "arbitrum" in str(found.exception)
