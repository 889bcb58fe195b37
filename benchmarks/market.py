"""A pool with many policies on an anvil: everything bought, paid in and reported through the real contracts.

Nothing is written into storage: 10,000 policies are 10,000 signed quotes and as many transactions, sent by node-side
impersonation so that only the quotes are signed here. `Market.grow` sells, `Market.outage` lets all subjects halt.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from time import sleep
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.chain.contracts import Asset, CoverPool, HeartbeatPath, IncidentBook, PolicyBook, WatcherPath
from insure.chain.sender import Call, Sender
from insure.chain.typed_data import quote_message, sign
from insure.ops.deploy import HEARTBEAT, DeploymentPlan, deploy
from insure.records.deployment import Deployment, ListedTrigger
from insure.records.history import subject_key
from insure.records.onchain import Address, Observation, Quote, Semantics, SignedObservation, SignedQuote, Terms

HOUR, DAY = 3_600, 86_400
GENESIS = 1_700_000_000 - 1_700_000_000 % DAY + 9 * HOUR
SUBJECTS = tuple(f"eip155:{chain}" for chain in (42161, 10, 8453, 59144, 324, 534352, 81457, 5000))
STACK = ("eip155:10", "eip155:8453", "eip155:81457")
CONTROL = "eip155:137"
USD = 10**6
BUYERS, STAKERS = 40, 5
STAKE = 40_000_000 * USD
GAS = 5_000_000
A_BLOCK = 50
TRANSFER = Web3.keccak(text="Transfer(address,address,uint256)").to_0x_hex()
TERM_DAYS = (180, 210, 270, 365)
"""All longer than a market grows, so that every policy sold is still in force."""


@dataclass
class Market:
    """The contracts, the people, and the days that pass."""

    chain: AnvilChain
    deployment: Deployment
    teams: dict[str, list[LocalAccount]]
    underwriter: LocalAccount
    relayer: Address
    now: int
    """The chain's clock, UTC seconds: every transaction has a block of its own, a second later than the last."""
    source: Random = field(default_factory=lambda: Random(1))
    sold: int = 0
    policy_ids: list[int] = field(default_factory=list)
    """What was sold by `grow`, oldest first."""

    def __post_init__(self) -> None:
        there = self.deployment
        self.asset, self.pool = Asset(self.chain, there.asset), CoverPool(self.chain, there.cover_pool)
        self.policies = PolicyBook(self.chain, there.policy_book)
        self.book = IncidentBook(self.chain, there.incident_book)
        self.heartbeat = HeartbeatPath(self.chain, there.heartbeat_paths[HEARTBEAT])
        self.buyers, self.stakers = addresses("buyer", BUYERS), addresses("staker", STAKERS)
        self.keeper = addresses("keeper", 1)[0]

    def wait(self, seconds: int) -> None:
        """Lets time pass until the next transaction."""
        self.now += seconds

    def send(self, call: Call, sender: Address) -> int:
        """Sends a transaction; returns the gas its receipt says it used, with call data and the 21,000.

        Raises `RuntimeError` if it reverted.
        """
        self.now += 1
        self.chain.request("evm_setNextBlockTimestamp", self.now)
        hash_ = self.chain.request("eth_sendTransaction", transaction(call, sender))
        # the node answers before it has mined
        while (receipt := self.chain.request("eth_getTransactionReceipt", hash_)) is None:
            sleep(0.001)
        if int(receipt["status"], 16) != 1:
            self.chain.call(call.address, call.data, None, sender)
            raise RuntimeError(f"{call} reverted, though it does not when it is called again")
        return int(receipt["gasUsed"], 16)

    # ------------------------------------------------------------- selling

    def buy(self) -> int:
        """The next policy: buyers and triggers in turn, terms and a start up to three days ahead by chance."""
        buyer, call = self._next_sale()
        return self.send(call, buyer)

    def grow(self, policies: int, a_day: int) -> None:
        """Sells until so many policies are sold, those of a day in blocks of up to fifty."""
        while self.sold < policies:
            self.wait(DAY)
            self.sell(min(a_day, policies - self.sold))

    def sell(self, count: int) -> None:
        """Sells so many now."""
        last = self.sold + count
        while self.sold < last:
            self._sell_block(min(A_BLOCK, last - self.sold))

    def _sell_block(self, count: int) -> None:
        self.now += 1
        self.chain.request("evm_setAutomine", False)
        for _ in range(count):
            buyer, call = self._next_sale()
            self.chain.request("eth_sendTransaction", transaction(call, buyer))
        receipts: list[dict[str, Any]] = []
        # the node takes transactions in before they are ready to be mined
        while len(receipts) < count:
            self.chain.request("evm_setNextBlockTimestamp", self.now)
            self.chain.request("evm_mine")
            receipts += self.chain.request("eth_getBlockReceipts", "latest")
            self.now += 1
        self.chain.request("evm_setAutomine", True)
        ids = [minted(receipt, self.policies.address) for receipt in receipts if int(receipt["status"], 16) == 1]
        if len(ids) != count:
            raise RuntimeError(f"{len(ids)} of the {count} sales of a day went through")
        self.policy_ids += ids

    def _next_sale(self) -> tuple[Address, Call]:
        buyer = self.buyers[self.sold % BUYERS]
        signed = self._signed(self._quote(buyer, self.deployment.triggers[self.sold % len(SUBJECTS)]))
        self.sold += 1
        return buyer, self.policies.buy(signed)

    def _quote(self, buyer: Address, trigger: ListedTrigger) -> Quote:
        now, source = self.now, self.source
        rate = source.randint(50, 500) * USD // HOUR
        limit = rate * source.randint(12, 36) * HOUR
        terms = Terms(source.choice((1, 2)) * HOUR, source.choice(list(Semantics)), rate, 0, limit, 2 * limit)
        start = now + DAY + 60 + source.randrange(3 * DAY)
        end = start + source.choice(TERM_DAYS) * DAY
        premium = terms.aggregate_limit * (end - start) // (20 * 365 * DAY)
        version = Web3.keccak(text="model of the day").to_0x_hex()
        return Quote(
            pool=self.pool.address,
            asset=self.asset.address,
            buyer=buyer,
            trigger_id=trigger.trigger_id,
            terms=terms,
            start=start,
            end=end,
            standby=buyer,
            premium=premium,
            model_version=version,
            nonce=self.sold + 1,
            deadline=now + HOUR // 2,
        )

    def _signed(self, quote: Quote) -> SignedQuote:
        message = quote_message(quote, self.chain.chain_id, self.policies.address)
        return SignedQuote(quote, self.underwriter.address, sign(message, self.underwriter))

    @contextmanager
    def undone(self) -> Iterator[None]:
        """What happens inside has not happened after it."""
        before, sold, now, ids = self.chain.request("evm_snapshot"), self.sold, self.now, len(self.policy_ids)
        yield
        self.chain.request("evm_revert", before)
        self.sold, self.now = sold, now
        del self.policy_ids[ids:]

    # ------------------------------------------------------------- halting

    def outage(self, hours: int) -> int:
        """All subjects halt for so many hours, until now; every path says so. Returns when it began."""
        listed = [*SUBJECTS, CONTROL]
        for _ in range(3):
            self.wait(290)
            self._beat(listed)
        began = self.now
        while self.now < began + hours * HOUR:
            self.wait(295)
            self._beat([CONTROL])
        for trigger in self.deployment.triggers:
            for team in self.teams:
                self._report(team, trigger.subject_id, began)
        return began

    def _beat(self, subjects: list[str]) -> None:
        for subject in subjects:
            self.send(self.heartbeat.beat(hexed(subject), self.now), self.relayer)

    def _report(self, team: str, subject: str, began: int) -> None:
        path = WatcherPath(self.chain, self.deployment.watcher_paths[team])
        seen = Observation(hexed(subject), began, self.now, True, self.now + HOUR)
        message = path.observation_typed_data(seen)
        observers = self.teams[team][:2]
        self.send(
            path.report([SignedObservation(seen, each.address, sign(message, each)) for each in observers]), self.keeper
        )

    def come_back(self) -> None:
        """The subjects' beats are heard again."""
        self._beat([*SUBJECTS, CONTROL])


@contextmanager
def market() -> Iterator[Market]:
    """Eight listed subjects in two scenarios, three watcher paths and a heartbeat each, and 200 million staked.

    Every trigger has had one incident, long ago, before anything was sold.
    """
    with AnvilProcess(chain_id=31_337, genesis_time=GENESIS) as node:
        chain = AnvilChain(node.url)
        chain.request("anvil_autoImpersonateAccount", True)
        chain.request("evm_setBlockGasLimit", hex(10**10))
        owner, underwriter, relayer = chain.accounts[:3]
        teams = {name: keys(first, 3) for name, first in (("a", 100), ("b", 200), ("c", 300))}
        plan = DeploymentPlan(
            subject_id=SUBJECTS[0],
            further_subjects=SUBJECTS[1:],
            scenarios={"Ethereum": SUBJECTS, "one stack": STACK},
            watcher_teams={name: [account.address for account in team] for name, team in teams.items()},
            watcher_threshold=2,
            relayer=relayer.address,
            control_id=CONTROL,
            underwriter=underwriter.address,
            cap=500_000_000,
        )
        deployment = deploy(chain, Sender(chain, owner), plan)
        opened = Market(chain, deployment, teams, underwriter, relayer.address, chain.head().timestamp)
        _fund(opened)
        _past_incident(opened)
        yield opened


def _fund(opened: Market) -> None:
    everybody = [*opened.buyers, *opened.stakers, opened.keeper]
    for address in everybody:
        opened.chain.request("anvil_setBalance", address, hex(10**24))
        opened.send(opened.asset.mint(address, 4 * STAKE), address)
        opened.send(opened.asset.approve(opened.pool.address, 2**256 - 1), address)
    for staker in opened.stakers:
        opened.send(opened.pool.deposit(STAKE, staker), staker)


def _past_incident(opened: Market) -> None:
    opened.outage(hours=2)
    triggers = [trigger.trigger_id for trigger in opened.deployment.triggers]
    for trigger in triggers:
        opened.send(opened.book.propose(trigger), opened.keeper)
    opened.come_back()
    opened.wait(6 * HOUR)
    for trigger in triggers:
        opened.send(opened.book.finalise(trigger), opened.keeper)
    opened.wait(40 * DAY)
    while opened.pool.accrued_up_to() < opened.now:
        opened.send(opened.pool.accrue(), opened.keeper)


def transaction(call: Call, sender: Address) -> dict[str, Any]:
    """A call as the node signs it for the sender."""
    return {"from": sender, "to": call.address, "data": "0x" + call.data.hex(), "gas": hex(GAS)}


def minted(receipt: dict[str, Any], policies: Address) -> int:
    """The id of the token that a transaction made: the fourth topic of its Transfer."""
    [transfer] = [
        log["topics"]
        for log in receipt["logs"]
        if log["address"] == policies.lower() and len(log["topics"]) == 4 and log["topics"][0] == TRANSFER
    ]
    return int(transfer[3], 16)


def keys(first: int, count: int) -> list[LocalAccount]:
    """Accounts of known keys, ascending by address."""
    accounts = [Account.from_key(f"0x{first + i:064x}") for i in range(count)]
    return sorted(accounts, key=lambda account: int(account.address, 16))


def addresses(who: str, count: int) -> list[Address]:
    """Addresses without a key."""
    return [Web3.to_checksum_address(Web3.keccak(text=f"{who} {i}")[-20:].hex()) for i in range(count)]


def hexed(subject: str) -> str:
    """A subject's key as the contracts' wrappers take it."""
    return "0x" + subject_key(subject).hex()
