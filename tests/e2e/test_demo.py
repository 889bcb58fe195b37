"""The main job, whole: as the command line runs it, on the embedded chain and on anvil."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from insure import dataset
from insure.chain.anvil import AnvilProcess
from insure.demo import run_demo
from insure.demo.run import BEFORE_SECONDS, plot_of
from insure.demo.story import TERMS, Ending
from insure.demo.world import HOST_CHAIN_ID, moments
from insure.errors import InvalidInput
from insure.records.onchain import Span
from insure.records.units import time_text
from insure.settings import Settings
from pricing_models import payoff

REPLAY = "eip155:42161@2023-12-15"
NOW = 1_795_300_000


def check(ending: Ending) -> None:
    """What must hold however the demo ran."""
    assert ending.owed == payoff.owed(TERMS, ending.covered_seconds, False, 0)
    assert ending.paid == ending.owed > 0
    assert 0 < ending.paid_while_down < ending.paid
    assert ending.policy.paid == ending.paid
    assert all(view.incident.final_at > 0 for view in ending.incidents)
    assert "NotQuiet" in ending.refusal
    earned = ending.pool_after - ending.pool_before + ending.paid
    assert 0 <= earned < ending.policy.premium
    assert sum(each.shares for each in ending.stakers_after) == sum(each.shares for each in ending.stakers_before)


@pytest.mark.network
def test_a_real_outage_is_replayed_and_paid_to_the_unit_on_the_embedded_chain() -> None:
    ending = run_demo(Settings(), NOW, replay=REPLAY)
    check(ending)
    start, end = 1_702_654_140, 1_702_659_420
    assert ending.covered == Span(start + 1, end)
    assert ending.covered_seconds == end - start - 1


def on_anvil(replay: str) -> Ending:
    plot = plot_of(dataset.load(), replay, NOW)
    with AnvilProcess(HOST_CHAIN_ID, plot.halt_from - BEFORE_SECONDS) as anvil:
        return run_demo(replace(Settings(), rpc_url=anvil.url), NOW, replay=replay)


@pytest.mark.network
@pytest.mark.anvil
def test_the_same_path_runs_on_anvil() -> None:
    check(on_anvil(REPLAY))


@pytest.mark.network
@pytest.mark.anvil
def test_a_host_whose_clock_is_past_the_outage_is_refused_with_the_remedy() -> None:
    with AnvilProcess(HOST_CHAIN_ID, NOW) as anvil, pytest.raises(InvalidInput, match="start it with --timestamp"):
        run_demo(replace(Settings(), rpc_url=anvil.url), NOW, replay=REPLAY)


def test_the_command_prints_one_json_object_last_and_it_is_true() -> None:
    command = [sys.executable, "-c", "from insure.cli import main; main()", "demo", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["owed"] == told["paid"]
    assert int(told["paid_while_down"]) > 0
    assert told["refused_after_alarm"] is True
    assert told["incident"]["from"] == told["halt"]["from"] + 1
    assert told["incident"]["until"] == told["halt"]["until"]
    assert "Ledger" in done.stderr
    money = {"premium", "owed", "paid", "paid_while_down", "pool_before", "pool_after"}
    assert all(isinstance(told[name], str) and int(told[name]) >= 0 for name in money)


@pytest.mark.network
@pytest.mark.anvil
def test_an_outage_of_weeks_is_several_incidents_and_pays_no_more_than_the_aggregate_limit() -> None:
    ending = on_anvil("evmos@2022-03-06")
    assert len(ending.incidents) > 1
    assert ending.paid == ending.owed
    assert ending.paid <= TERMS.aggregate_limit
    assert all(view.incident.until - view.incident.start <= 168 * 3_600 for view in ending.incidents)


def test_an_outage_of_unknown_length_cannot_be_replayed() -> None:
    history = dataset.load()
    unknown = next(each for each in history.outages if each.usable and dataset.replayable(each) is None)
    day = day_of(unknown.start)
    same_day = [each for each in history.outages_of(unknown.subject) if day_of(each.start) == day]
    assert len(same_day) == 1, "pick another outage: this day has several"
    with pytest.raises(InvalidInput, match="length of this outage is not known"):
        plot_of(history, f"{unknown.subject}@{day}", NOW)


def test_simulated_time_stops_every_five_minutes_and_then_coarsely() -> None:
    short = list(moments(0, 5_280))
    assert short[:3] == [300, 600, 900]
    assert short[-1] == 5_280
    long = list(moments(0, 54 * 3_600))
    assert len(long) < 70
    assert long[-1] == 54 * 3_600
    assert long == sorted(set(long))


def day_of(at: int) -> str:
    return time_text(at)[:10]
