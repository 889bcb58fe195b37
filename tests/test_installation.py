"""The services put together: which jobs there are, what needs which key, and an installation from settings."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from insure.chain.embedded import EmbeddedChain, serve
from insure.chain.sender import Sender
from insure.dataset import load
from insure.errors import InvalidInput, KeyInUse, NotConfigured, Unreachable, WrongChain
from insure.installation import Installation, assemble, from_settings, jobs_aside
from insure.jobs import JobBoard
from insure.records.views import QuoteRequest
from insure.settings import Settings
from insure.watchtower.crew import build_relays, build_tower
from tests.local_installation import TERM, TERMS, install
from tests.screen_engine import ARBITRUM, NOW, model
from tests.sold_cover import Sold, sell


@pytest.fixture(scope="module")
def standing() -> Sold:
    """Read only: what tests ask of it changes nothing."""
    return sell(install())


@pytest.fixture
def sold() -> Sold:
    return sell(install())


def names(installation: Installation) -> list[str]:
    return [job.name for job in installation.timetable()]


ALWAYS = ["poke", "propose", "pay", "confirm", "mirror", "claim", "settle", "snapshot", "retire", "follow"]


def test_without_keys_every_job_runs_and_nothing_is_sent(sold: Sold) -> None:
    sold.local.raise_alarm()
    head = sold.local.chain.head()
    for job in sold.local.installation.timetable():
        job.run(sold.local.now())
    assert sold.local.chain.head() == head
    assert names(sold.local.installation) == ALWAYS


def test_what_pays_and_what_it_goes_by_run_on_every_new_head(standing: Sold) -> None:
    assert [job.name for job in standing.local.installation.timetable() if job.on_head] == ["pay", "mirror"]


def test_without_an_underwriter_cover_is_priced_and_no_quote_is_signed() -> None:
    engine = install(signing=False).installation.engine
    assert engine.price(ARBITRUM, TERMS, TERM).premium > 0
    with pytest.raises(NotConfigured, match="INSURE_UNDERWRITER_KEY"):
        engine.quote(QuoteRequest(ARBITRUM, "0x" + "22" * 20, TERMS, TERM))


@pytest.mark.network
def test_beats_and_looks_come_before_what_follows_from_them_and_their_transactions_are_noted(sold: Sold) -> None:
    local = sold.local
    subject = EmbeddedChain(42_161, local.now())
    carrier, relayer = (Sender(local.chain, local.chain.accounts[i], journal=local.installation.store) for i in (6, 2))
    with serve(subject) as served:
        nodes = {ARBITRUM: [served.url]}
        installation = assemble(
            load(),
            model(),
            local.chain,
            local.deployment,
            local.installation.store,
            local.now,
            underwriter=None,
            keeper=None,
            confirmations=0,
            tower=build_tower(local.chain, local.deployment, local.observers, nodes, carrier),
            relays=build_relays(local.chain, local.deployment, nodes, relayer),
        )
        assert names(installation) == ["beat", "watch", "attend", *ALWAYS]
        board = JobBoard(installation.timetable(), local.now, local.installation.store)
        subject.halt()
        local.chain.travel(local.now() + 800)
        board.start()
        try:
            assert [job.last_error for job in board.run_round()] == [""] * 13
        finally:
            board.stop()
    kinds = {entry.what for entry in installation.engine.ledger()}
    assert {"Beat", "AlarmRaised", "SpellReported"} <= kinds
    noted = [entry.gas_used for entry in installation.engine.ledger() if entry.what in ("Beat", "SpellReported")]
    assert noted and all(noted)


# ------------------------------------------------------------- from settings


@pytest.fixture
def served(standing: Sold, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation that is deployed on a chain behind HTTP."""
    manifest = tmp_path / "deployment.json"
    manifest.write_text(standing.local.deployment.to_json())
    with ExitStack() as stack:
        node = stack.enter_context(serve(standing.local.chain))
        yield Settings(
            rpc_url=node.url,
            deployment=manifest,
            database_url=f"sqlite:///{tmp_path}/mirror.sqlite",
            confirmations=0,
        )


def hex_key(chain: EmbeddedChain, index: int) -> str:
    return "0x" + bytes(chain.accounts[index].key).hex()


@pytest.mark.network
def test_an_installation_is_built_from_settings_and_finds_what_is_on_the_chain(
    standing: Sold, served: Settings
) -> None:
    installation = from_settings(served, clock=lambda: NOW)
    installation.watcher.run()
    assert installation.engine.policies() == standing.engine.policies()
    assert names(installation) == ALWAYS
    # the mirror is on disk: a second start goes on where the first one was
    again = from_settings(served, clock=lambda: NOW)
    assert again.watcher.run() == 0
    assert again.engine.policies() == standing.engine.policies()


@pytest.mark.network
def test_premiums_hold_the_expenses_of_the_settings(served: Settings) -> None:
    settings = replace(served, expense_fixed=700_000, expense_per_day=20_000)
    price = from_settings(settings, clock=lambda: NOW).engine.price(ARBITRUM, TERMS, 30 * 86_400)
    (expenses,) = (part.amount for part in price.components if part.name == "expenses")
    assert expenses == 700_000 + 30 * 20_000


@pytest.mark.network
def test_with_keys_of_observers_and_relayer_it_watches_and_beats(standing: Sold, served: Settings) -> None:
    chain = standing.local.chain
    settings = replace(
        served,
        keeper_key=hex_key(chain, 6),
        relayer_key=hex_key(chain, 2),
        underwriter_key=hex_key(chain, 1),
        observer_keys=tuple("0x" + bytes(each.key).hex() for each in standing.local.observers),
        subject_nodes={ARBITRUM: (served.rpc_url,)},
    )
    installation = from_settings(settings, clock=lambda: NOW)
    assert names(installation) == ["beat", "watch", "attend", *ALWAYS]
    senders = installation.engine.health().senders
    assert [sender.role for sender in senders] == ["keeper", "relayer"]
    assert all(sender.balance == chain.balance(sender.address) for sender in senders)


@pytest.mark.network
def test_private_endpoints_that_are_out_keep_nothing_else_from_running_and_are_shown(served: Settings) -> None:
    settings = replace(served, private_rpc_url="http://127.0.0.1:9")
    installation = from_settings(settings, clock=lambda: NOW)
    assert installation.watcher.run() > 0
    assert [each.used for each in installation.engine.health().private_endpoints] == [False]
    (job,) = jobs_aside(settings, installation.engine, installation.watcher.chain)
    assert job.name == "private endpoints"
    with pytest.raises(Unreachable, match="transactions wait"):
        job.run(NOW)
    open_ = from_settings(served, clock=lambda: NOW)
    assert jobs_aside(served, open_.engine, open_.watcher.chain) == []


@pytest.mark.network
def test_a_second_copy_sends_nothing_until_the_first_one_has_ended(standing: Sold, served: Settings) -> None:
    settings = replace(served, keeper_key=hex_key(standing.local.chain, 6))
    first, second = (from_settings(settings, clock=lambda: NOW) for _ in range(2))
    [mine], [other] = first.leases, second.leases
    mine()
    with pytest.raises(KeyInUse, match="is used by"):
        other()
    first.close()
    other()
    second.close()


@pytest.mark.network
def test_what_is_wrong_in_the_settings_is_named_and_no_key_is_shown(standing: Sold, served: Settings) -> None:
    key = "0x" + bytes(standing.local.observers[0].key).hex()
    keeper = hex_key(standing.local.chain, 6)
    wrong: list[tuple[Settings, type[Exception], str]] = [
        (replace(served, rpc_url="http://127.0.0.1:9"), Unreachable, "does not answer"),
        (replace(served, deployment=Path("none.json")), InvalidInput, "none.json: no such file"),
        (replace(served, underwriter_key="secret"), InvalidInput, "underwriter_key is no private key"),
        (replace(served, observer_keys=(key,)), NotConfigured, "INSURE_KEEPER_KEY is not set"),
        (replace(served, observer_keys=(keeper,), keeper_key=keeper), InvalidInput, "observes for none"),
        (replace(served, keeper_key=keeper, relayer_key=keeper), InvalidInput, "give each a key of its own"),
        (replace(served, database_url="nonsense"), InvalidInput, "database_url"),
    ]
    for settings, error, told in wrong:
        with pytest.raises(error, match=told) as caught:
            from_settings(settings, clock=lambda: NOW)
        for secret in ("secret", key[2:], keeper[2:]):
            assert secret not in str(caught.value)


@pytest.mark.network
def test_a_manifest_of_another_chain_is_refused(served: Settings) -> None:
    text = served.deployment.read_text().replace('"chain_id": 31337', '"chain_id": 1')
    served.deployment.write_text(text)
    with pytest.raises(WrongChain, match="serves chain 31337, expected chain 1"):
        from_settings(served, clock=lambda: NOW)
