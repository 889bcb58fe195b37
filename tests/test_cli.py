"""The command line: prices and subjects as tables and JSON; whatever is wrong is one line on stderr and exit code 1."""

import json
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from insure import cli, dataset, model_cli
from insure.chain.embedded import EmbeddedChain, serve
from insure.records.deployment import Deployment
from insure.store import Store
from pricing_models import backtest
from tests.local_installation import install
from tests.screen_engine import ARBITRUM, DEPLOYMENT, address

DATA = Path(__file__).resolve().parent.parent / "data"


class Result(NamedTuple):
    code: int
    out: str
    err: str


Insure = Callable[..., Result]


@pytest.fixture
def insure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Insure]:
    """Runs the command line as the script does, in a folder of its own and with nothing in the environment."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, **environment: object) -> Result:
        with monkeypatch.context() as patch:
            for name in ("RPC_URL", "DATA", "PORT", "HOST", "DEPLOYMENT", "DATABASE_URL", "DEPLOYER_KEY"):
                patch.delenv(f"INSURE_{name}", raising=False)
            for name, value in environment.items():
                patch.setenv(name, str(value))
            patch.setattr(sys, "argv", ["insure", *map(str, arguments)])
            try:
                cli.main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        told = capsys.readouterr()
        return Result(code, told.out, told.err)

    yield run


def refused(result: Result) -> str:
    """The one line that a wrong input ends in."""
    assert result.code == 1
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in line
    return line.removeprefix("error: ")


# ------------------------------------------------------------- price


def test_a_price_in_json_is_strings_of_smallest_units_that_add_up(insure: Insure) -> None:
    result = insure("price", "--subject", "arbitrum-one", "--json")
    assert (result.code, result.err) == (0, "")
    told = json.loads(result.out)
    assert told["subject"] == ARBITRUM
    assert told["term_seconds"] == 90 * 86_400
    assert int(told["premium"]) > 0
    assert sum(int(each) for each in told["breakdown"].values()) == int(told["premium"])
    assert int(told["premium"]) >= int(told["expected_payout"]) > 0 < int(told["sd"])
    judged = told["judgement"]
    assert set(judged["parts"]) <= set(told["breakdown"])
    for low, base, high in ((each["low"], each["base"], each["high"]) for each in judged["parts"].values()):
        assert int(low) <= int(base) <= int(high)
    low, base, high = (int(judged["premium"][end]) for end in ("low", "base", "high"))
    assert low < base == int(told["premium"]) < high
    assert 0 < judged["share"] < 1
    assert told["rests_on"][0].startswith("rate: ")
    assert set(judged["parts"]) >= {"capital", "basis_risk"}
    assert 0 < told["rate"]["low"] < told["rate"]["mean"] < told["rate"]["high"]
    assert 0 < told["rate"]["credibility"] < 1


def test_one_name_tells_one_figure(insure: Insure) -> None:
    """The expected payout is that of all that the trigger has paid; its parts have names of their own."""
    told = json.loads(insure("price", "--subject", ARBITRUM, "--json").out)
    assert "expected_payout" not in told["breakdown"]
    payout = ("point_estimate", "parameter_uncertainty", "failover", "basis_risk")
    parts = sum(int(told["breakdown"][name]) for name in payout)
    assert 0 <= parts - int(told["expected_payout"]) < len(payout)


def test_the_whole_command_is_as_it_is_written_down(insure: Insure) -> None:
    options = (
        "price --subject eip155:42161 --waiting 1h --semantics retention --rate 1000/h --incident-limit 24000 "
        "--aggregate-limit 100000 --failover-benefit 500 --trigger paths.json --term 90d --json"
    )
    Path("paths.json").write_text(json.dumps({"quorum": 1, "paths": ["watchers", "heartbeat"]}))
    told = json.loads(insure(*options.split()).out)
    keys = "premium expected_payout sd breakdown interval probability_of_payout judgement model_version"
    assert set(keys.split()) <= set(told)
    assert int(told["breakdown"]["failover"]) > 0
    usual = json.loads(insure(*options.replace(" --trigger paths.json", "").split()).out)
    assert int(told["breakdown"]["basis_risk"]) > int(usual["breakdown"]["basis_risk"])


def test_a_trigger_that_cannot_be_read_is_refused(insure: Insure) -> None:
    told = refused(insure("price", "--subject", ARBITRUM, "--trigger", "none.json"))
    assert told == "--trigger is none.json: can't be read: No such file or directory"


def test_a_price_as_a_table_shows_the_same_premium_and_its_components(insure: Insure) -> None:
    premium = int(json.loads(insure("price", "--subject", ARBITRUM, "--json").out)["premium"])
    shown = insure("price", "--subject", ARBITRUM).out
    assert "5,000" not in shown  # an hour pays whole units a second, so never more than what was asked for
    assert "4,999.9968 an hour beyond 1 h" in shown
    for part in (
        "Expected payout",
        "90% interval of it",
        "Halts a year",
        "own history weighs",
        "Cost of locked capital",
        "judgement",
        "What the history leaves open",
        f"{premium // 10**6:,}.",
    ):
        assert part in shown


def test_a_price_is_shown_under_every_reading_of_the_history_cheapest_first(insure: Insure) -> None:
    told = json.loads(insure("price", "--subject", ARBITRUM, "--json").out)
    readings = told["readings"]
    assert len({(each["exposure"], each["ends"], each["merge_gap_seconds"]) for each in readings}) == len(readings) == 7
    assert sorted(each["merge_gap_seconds"] for each in readings) == [1_800, *[172_800] * 6]
    premiums = [int(each["premium"]) for each in readings]
    assert premiums == sorted(premiums)
    (base,) = (each for each in readings if each["base"])
    assert (base["premium"], base["expected_payout"]) == (told["premium"], told["expected_payout"])
    low, high = map(int, told["interval"])
    assert low < int(told["expected_payout"]) < high
    assert 0 < told["probability_of_payout"] < 1


def test_more_cover_costs_more_and_a_longer_wait_less(insure: Insure) -> None:
    def premium(*options: str) -> int:
        return int(json.loads(insure("price", "--subject", ARBITRUM, "--json", *options).out)["premium"])

    usual = premium()
    assert premium("--incident-limit", "120000", "--rate", "10000/h") > usual > premium("--waiting", "8h")
    assert premium("--semantics", "qualifying") > usual


def test_an_unknown_subject_is_answered_with_the_nearest(insure: Insure) -> None:
    told = refused(insure("price", "--subject", "arbitrum-won"))
    assert told.startswith("subject 'arbitrum-won' is unknown: did you mean eip155:42161 (arbitrum-one)")


@pytest.mark.parametrize(
    ("option", "value", "right"),
    [
        ("--waiting", "8x", "--waiting is '8x': must be a duration such as 30m, 8h, 1h30m or 90d"),
        ("--waiting", "-1h", "--waiting is '-1h': must be a duration"),
        ("--waiting", "7d", "waiting_seconds is 604800: must be below 604800, the longest that one incident lasts"),
        ("--semantics", "foo", "--semantics is 'foo': must be retention or qualifying"),
        ("--term", "quarter", "--term is 'quarter': must be a duration"),
        ("--term", "0d", "term_seconds is 0: must be"),
        ("--term", "99999d", "term_seconds is 8639913600: must be"),
        (
            "--incident-limit",
            "lots",
            "--incident-limit is 'lots': must be an amount of at least 0 such as 12500 or 0.50",
        ),
        ("--incident-limit", "-5", "--incident-limit is '-5': must be an amount of at least 0"),
        ("--incident-limit", "1.1234567", "--incident-limit is '1.1234567': must have at most 6 decimal places"),
        ("--incident-limit", "nan", "--incident-limit is 'nan': must be"),
        ("--incident-limit", "0", "incident_limit is 0: must be at least 1"),
        ("--rate", "0/h", "rate_per_second is 0: must be at least 1"),
        ("--rate", "5000", "--rate is '5000': must be an amount per time such as 1000/h"),
        ("--rate", "5000/week", "--rate is '5000/week': must be an amount per time"),
        ("--rate", "-1/h", "--rate is '-1': must be an amount of at least 0"),
        ("--failover-benefit", "-1", "--failover-benefit is '-1': must be an amount of at least 0"),
        (
            "--aggregate-limit",
            "10",
            "incident_limit is 60000000000: must be at most aggregate_limit, which is 10000000",
        ),
    ],
)
def test_malformed_and_impossible_terms_are_refused_by_name(
    insure: Insure, option: str, value: str, right: str
) -> None:
    assert refused(insure("price", "--subject", ARBITRUM, f"{option}={value}")).startswith(right)


@pytest.mark.parametrize(
    "arguments",
    [["price"], ["nonsense"], ["price", "--subject", ARBITRUM, "--decimals", "19"], ["demo", "--port", "65536"]],
)
def test_a_command_line_that_cannot_be_read_is_explained_without_a_traceback(
    insure: Insure, arguments: list[str]
) -> None:
    result = insure(*arguments)
    assert result.code == 2
    assert "Usage: insure" in result.err
    assert "Traceback" not in result.err


# ------------------------------------------------------------- subjects and data


def test_subjects_in_json_hold_the_summary_of_every_subject(insure: Insure) -> None:
    rows = json.loads(insure("subjects", "--json").out)["data"]
    found = next(row for row in rows if row["subject_id"] == ARBITRUM)
    assert found["halts"] > 0
    assert found["rate_low"] < found["rate_mean"] < found["rate_high"]


def test_subjects_as_a_table_begin_with_those_that_halt_most(insure: Insure) -> None:
    result = insure("subjects")
    assert result.code == 0
    assert "Halts of insured chains" in result.out
    assert result.out.index("Solana") < result.out.index("Linea")


def test_another_folder_of_data_is_used_when_it_is_named(insure: Insure, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder, ignore=lambda *_: ["README.md"])
    assert insure("price", "--subject", ARBITRUM, "--json", INSURE_DATA=folder).code == 0


def test_a_folder_of_data_that_is_not_there_is_refused(insure: Insure, tmp_path: Path) -> None:
    told = refused(insure("price", "--subject", ARBITRUM, INSURE_DATA=tmp_path / "none"))
    assert told == f"INSURE_DATA: {tmp_path / 'none'} is no folder"


def test_every_file_that_a_folder_of_data_lacks_is_named(insure: Insure, tmp_path: Path) -> None:
    result = insure("subjects", INSURE_DATA=tmp_path)
    assert (result.code, result.out) == (1, "")
    lines = result.err.splitlines()
    assert lines[0].startswith("error: subjects.csv: can't be read")
    assert [line.partition(":")[0] for line in lines[1:]] == ["outages.csv", "dependencies.csv"]


def test_a_broken_file_of_data_is_refused_with_file_and_line(insure: Insure, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(DATA, folder)
    broken = folder / "subjects.csv"
    lines = broken.read_text().splitlines()
    broken.write_text("\n".join([lines[0], lines[1].replace(",", ";", 1), *lines[2:]]) + "\n")
    result = insure("price", "--subject", ARBITRUM, INSURE_DATA=folder)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: subjects.csv:2")
    assert "Traceback" not in result.err


def test_wrong_settings_are_told_all_at_once(insure: Insure) -> None:
    told = refused(insure("subjects", INSURE_PORT="many", INSURE_CONFIRMATIONS="-1"))
    assert "INSURE_PORT: 'many'" in told
    assert "INSURE_CONFIRMATIONS: '-1'" in told


# ------------------------------------------------------------- looking back


def test_the_look_back_is_written_with_what_it_was_made_from(
    insure: Insure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # two of the years are enough to see the command work
    report = backtest.report
    monkeypatch.setattr(model_cli.backtest, "report", lambda s, o, t, m: report(*late(s, o), t, m, None, 5))
    result = insure("model", "backtest", "--out", "found.json", "--as-of", "2023-06-30")
    assert (result.code, result.err) == (0, "")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["as_of"] == "2023-06-30"
    assert len(found["model_version"]) == 16
    assert found["data_fingerprint"] == dataset.load(DATA).fingerprint
    assert {"commit", "frequency", "covariates", "book", "unflattering"} <= set(found)
    for part in ("Years ahead, nats", f"{found['shipped']} (shipped)", "Synthetic book", found["unflattering"][0][:40]):
        assert part in result.out


def late(subjects: pd.DataFrame, outages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables with all windows opened in 2021 at the earliest."""
    ends = ("observed_from", "observed_to")
    return subjects.assign(**{name: subjects[name].clip(lower=1_609_459_200.0) for name in ends}), outages


@pytest.mark.parametrize(
    ("options", "right"),
    [
        (["--as-of", "today"], "--as-of is 'today': must be a day such as 2026-11-22"),
        (["--out", "none/found.json"], "--out is none/found.json: none must be a folder"),
    ],
)
def test_a_look_back_that_cannot_be_written_or_dated_is_refused(insure: Insure, options: list[str], right: str) -> None:
    assert refused(insure("model", "backtest", *options)) == right


# ------------------------------------------------------------- demo


@pytest.mark.network
def test_a_port_in_use_stops_a_demo_that_is_to_be_served_before_it_begins(insure: Insure) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        by_option = refused(insure("demo", "--serve", "--port", port))
        assert (
            by_option == f"port {port} on 127.0.0.1 can't be used: Address already in use; choose another port or host"
        )
        assert refused(insure("demo", "--serve", INSURE_PORT=port)) == by_option


@pytest.mark.parametrize(
    ("outage", "right"),
    [
        ("foo", "outage 'foo' must be <subject>@<YYYY-MM-DD>"),
        ("arbitrum-won@2023-12-15", "subject 'arbitrum-won' is unknown: did you mean"),
        ("arbitrum-one@1999-01-01", "eip155:42161 (arbitrum-one) has no outage on 1999-01-01: it has 20"),
    ],
)
def test_an_outage_that_is_not_in_the_data_is_refused_with_what_is(insure: Insure, outage: str, right: str) -> None:
    assert refused(insure("demo", "--replay", outage)).startswith(right)


@pytest.mark.network
@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("http://127.0.0.1:9/secret", "eth_chainId: 127.0.0.1 does not answer"),
        ("127.0.0.1:8545", "endpoint '127.0.0.1:8545' must begin with http"),
    ],
)
def test_a_host_that_does_not_answer_is_named(insure: Insure, url: str, right: str) -> None:
    told = refused(insure("demo", INSURE_RPC_URL=url))
    assert told.startswith(right)
    assert "secret" not in told


@pytest.mark.network
def test_a_host_whose_clock_cannot_be_moved_is_refused(insure: Insure) -> None:
    with serve(EmbeddedChain(31_337, 1_795_000_000)) as served:
        assert "is no anvil" in refused(insure("demo", INSURE_RPC_URL=served.url))


# ------------------------------------------------------------- deploy and run


def plan(**changes: object) -> dict[str, object]:
    return {
        "subject_id": ARBITRUM,
        "watcher_teams": {"a": [address(n) for n in (1, 2, 3)], "b": [address(n) for n in (4, 5, 6)]},
        "watcher_threshold": 2,
        "relayer": address(7),
        "control_id": "eip155:10",
        "underwriter": address(8),
        "timelock": {"proposers": [address(9)], "cancellers": [address(10)]},
    } | changes


def test_all_that_a_deployment_needs_and_lacks_is_named_at_once(insure: Insure, tmp_path: Path) -> None:
    told = refused(insure("deploy", tmp_path / "plan.json"))
    assert "INSURE_RPC_URL" in told and "INSURE_DEPLOYER_KEY" in told


@pytest.mark.network
def test_a_deployment_writes_a_manifest_that_is_not_overwritten_unasked(insure: Insure, tmp_path: Path) -> None:
    chain = EmbeddedChain(31_337, 1_795_000_000)
    (tmp_path / "plan.json").write_text(json.dumps(plan()))
    key = "0x" + bytes(chain.accounts[0].key).hex()
    with serve(chain) as served:
        keys = {"INSURE_RPC_URL": served.url, "INSURE_DEPLOYER_KEY": key}
        done = insure("deploy", "plan.json", **keys)
        assert done.code == 0, done.err
        written = Deployment.read(tmp_path / "deployment.json")
        assert written.chain_id == 31_337
        assert written.trigger_for(ARBITRUM).paths.keys() == {"a", "b", "heartbeat"}
        head = chain.head()
        assert "exists; --replace writes over it" in refused(insure("deploy", "plan.json", **keys))
        nowhere = insure("deploy", "plan.json", **keys, INSURE_DEPLOYMENT=tmp_path / "none" / "deployment.json")
        assert refused(nowhere).startswith("INSURE_DEPLOYMENT: no file can be written at ")
        assert chain.head() == head
        assert Deployment.read(tmp_path / "deployment.json") == written

        checked = insure("check", "--json", INSURE_RPC_URL=served.url)
        assert checked.code == 0, checked.err
        told = json.loads(checked.out)
        assert told["ok"] and len(told["checks"]) > 80
        assert all(each["ok"] for each in told["checks"])
        assert "Installation against manifest and artifacts" in insure("check", INSURE_RPC_URL=served.url).out

        again = insure("deploy", "plan.json", "--replace", **keys)
        assert again.code == 0, again.err
        assert chain.head() == head
        assert Deployment.read(tmp_path / "deployment.json") == written

        (tmp_path / "deployment.json").write_text(replace(written, asset_symbol="[DAI]").to_json())
        failed = insure("check", "--json", INSURE_RPC_URL=served.url)
        assert failed.code == 1
        assert failed.err.endswith(f"error: 1 of {len(told['checks'])} checks failed\n")
        bad = [each for each in json.loads(failed.out)["checks"] if not each["ok"]]
        assert bad == [{"name": "asset: symbol", "ok": False, "found": "USDT", "right": "[DAI]"}]
        shown = insure("check", INSURE_RPC_URL=served.url)
        assert shown.code == 1
        assert "[DAI]" in shown.out and "failed" in shown.out


@pytest.mark.network
def test_a_plan_that_the_contracts_refuse_sends_nothing(insure: Insure, tmp_path: Path) -> None:
    chain = EmbeddedChain(31_337, 1_795_000_000)
    (tmp_path / "plan.json").write_text(json.dumps(plan(cooldown=91 * 86_400)))
    with serve(chain) as served:
        keys = {"INSURE_RPC_URL": served.url, "INSURE_DEPLOYER_KEY": "0x" + bytes(chain.accounts[0].key).hex()}
        told = refused(insure("deploy", "plan.json", **keys))
    assert told.startswith("plan: the contracts refuse it; nothing was sent: creation of CoverPool: ")
    assert told.endswith("InvalidSetup: the contract can't be created like that: cooldown")
    assert chain.head().number == 0
    assert not (tmp_path / "deployment.json").exists()


def test_checking_needs_an_endpoint_and_a_manifest(insure: Insure) -> None:
    assert refused(insure("check")) == "INSURE_RPC_URL (or INSURE_RPC_URL_FILE) is not set"
    told = refused(insure("check", INSURE_RPC_URL="http://127.0.0.1:9"))
    assert told == "deployment manifest deployment.json: no such file; `insure deploy` writes it"


@pytest.mark.network
def test_checking_against_another_chain_fails_with_that_alone(insure: Insure, tmp_path: Path) -> None:
    (tmp_path / "deployment.json").write_text(DEPLOYMENT.to_json())
    with serve(EmbeddedChain(5, 1_795_000_000)) as served:
        result = insure("check", "--json", INSURE_RPC_URL=served.url)
    assert result.code == 1
    assert json.loads(result.out) == {
        "ok": False,
        "checks": [{"name": "chain id", "ok": False, "found": "5", "right": "31337"}],
    }


# ------------------------------------------------------------- abi


def test_the_abi_of_one_contract_is_printed_plain_and_of_all_with_their_version(insure: Insure) -> None:
    pool = json.loads(insure("abi", "CoverPool").out)
    assert {"deposit", "requestRedeem"} <= {entry.get("name") for entry in pool}
    whole = json.loads(insure("abi").out)
    assert whole["abis"]["CoverPool"] == pool
    assert whole["contracts"].keys() == whole["abis"].keys()
    assert whole["version"].startswith("0x")


def test_abis_are_written_to_a_folder(insure: Insure, tmp_path: Path) -> None:
    result = insure("abi", "--out", tmp_path / "abi")
    assert result.code == 0
    version = json.loads((tmp_path / "abi" / "version.json").read_text())
    assert version["version"] in result.out.replace("\n", "")
    assert (tmp_path / "abi" / "PolicyBook.json").is_file()


def test_the_abi_of_an_unknown_contract_is_refused_with_those_that_exist(insure: Insure) -> None:
    assert refused(insure("abi", "Pool")).startswith("contract 'Pool' is unknown: must be one of CoverPool, ")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (None, "plan.json: No such file or directory"),
        ("{", "plan.json: not JSON"),
        ("[]", "plan.json: "),
        ("{}", "plan.json: subject_id is missing; watcher_teams is missing"),
        (json.dumps(plan(timelock=None)), "plan.json: timelock is missing"),
        (json.dumps(plan(salt="")), "plan.json: salt is ''"),
        (json.dumps(plan(timelock={"proposers": []})), "plan.json: timelock.proposers is empty"),
        (json.dumps(plan(extra=1)), "plan.json: extra is no field of a plan"),
        (json.dumps(plan(control_id=ARBITRUM)), "control_id eip155:42161 must be another chain"),
        (json.dumps(plan(watcher_teams={"a": [address(1)]})), "watcher_teams has 1 teams"),
        (json.dumps(plan(rules={"quorums": 2})), "quorums"),
    ],
)
def test_a_plan_that_is_wrong_is_refused_with_the_field(
    insure: Insure, tmp_path: Path, text: str | None, right: str
) -> None:
    if text is not None:
        (tmp_path / "plan.json").write_text(text)
    told = refused(insure("deploy", "plan.json", INSURE_RPC_URL="http://127.0.0.1:9", INSURE_DEPLOYER_KEY="0x1"))
    assert right in told


def test_running_without_a_host_names_what_is_missing(insure: Insure) -> None:
    assert refused(insure("run")) == "INSURE_RPC_URL (or INSURE_RPC_URL_FILE) is not set"


def test_running_without_a_manifest_names_who_writes_it(insure: Insure) -> None:
    told = refused(insure("run", INSURE_RPC_URL="http://127.0.0.1:9", INSURE_PORT=0))
    assert told == "deployment manifest deployment.json: no such file; `insure deploy` writes it"


@pytest.mark.network
def test_running_on_another_chain_than_the_manifests_is_refused(insure: Insure, tmp_path: Path) -> None:
    (tmp_path / "deployment.json").write_text(DEPLOYMENT.to_json())
    with serve(EmbeddedChain(5, 1_795_000_000)) as served:
        told = refused(insure("run", INSURE_RPC_URL=served.url, INSURE_PORT=0))
    assert told == "127.0.0.1 serves chain 5, expected chain 31337"


# ------------------------------------------------------------- the database


def test_what_is_backed_up_is_restored_into_a_new_database(insure: Insure, tmp_path: Path) -> None:
    Store(f"sqlite:///{tmp_path}/a.sqlite").create().record_job("watch", True, "", 1)
    made = insure("backup", "monday.backup", INSURE_DATABASE_URL="sqlite:///a.sqlite")
    assert (made.code, made.out.strip()) == (0, "1 rows in monday.backup")
    back = insure("restore", "monday.backup", INSURE_DATABASE_URL="sqlite:///b.sqlite")
    assert (back.code, back.out.strip()) == (0, "1 rows restored")
    assert Store(f"sqlite:///{tmp_path}/b.sqlite").jobs()[0].name == "watch"
    told = refused(insure("restore", "monday.backup", INSURE_DATABASE_URL="sqlite:///b.sqlite"))
    assert told == "the database is not new: restore into one without tables"


@pytest.mark.network
def test_a_mirror_that_differs_from_the_chain_is_told_and_read_anew(insure: Insure, tmp_path: Path) -> None:
    local = install()
    (tmp_path / "deployment.json").write_text(local.deployment.to_json())
    with serve(local.chain) as served:
        settings = {"INSURE_RPC_URL": served.url, "INSURE_CONFIRMATIONS": 0}
        checked = insure("rebuild", "--check", **settings)
        assert (checked.code, checked.out.strip()) == (1, "the mirror is empty")
        assert insure("rebuild", **settings).out.split("\n")[1] == "read anew"
        again = insure("rebuild", "--check", **settings)
        assert (again.code, again.out.strip()) == (0, "the mirror is what the chain says")
