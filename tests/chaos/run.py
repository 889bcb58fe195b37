"""One chaotic run from a seed: what is done to the engine, in which order, and what must be true afterwards."""

import multiprocessing
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy

from insure.chain.anvil import AnvilChain, AnvilProcess
from insure.store import Store
from tests.chaos.proxy import LIES, TRANSPORT, Proxy
from tests.chaos.truth import settle, summary, wrongs
from tests.chaos.victim import CRASHES, Orders, serve
from tests.chaos.world import CHAIN_ID, World
from tests.keeper_story import GENESIS

STEPS = 24
ENDPOINTS = 3
_ROUND_PATIENCE = 0.8
"""Seconds that a step waits for a round of the engine's jobs, which may be dead, blind or stuck."""

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.chaos.victim"])


@dataclass
class Chaos:
    """A run in progress."""

    seed: int
    database_url: str
    world: World
    proxies: list[Proxy]
    told: list[str] = field(default_factory=list)
    engines: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random()
        self.clock = processes.Value("d", self.world.chain.head().timestamp)
        self.rounds = processes.Value("i", 0)
        self.skew = 0.0
        self.breakages: list[Callable[[], str]] = [
            self.kill,
            self.kill,
            self.second_engine,
            self.trouble,
            self.trouble,
            self.lie,
            self.mend,
            self.lock_database,
            self.jump,
            self.world.reorganise,
            self.world.reorganise,
            self.world.drop,
            self.world.surge,
            self.world.rival,
            self.world.skip,
        ]

    def play(self) -> None:
        """All steps; engines run on their own meanwhile."""
        self.start()
        for step in range(STEPS):
            # anew for each step: what engines draw and when blocks come hangs on how fast the machine is
            self.random.seed(f"chaos {self.seed} {step}")
            self.world.random.seed(f"world {self.seed} {step}")
            if self.random.random() < 0.6:
                self.tell(step, self.world.act())
            if self.random.random() < 0.6:
                self.tell(step, self.random.choice(self.breakages)())
            if not any(engine.is_alive() for engine in self.engines):
                self.start()
            self.clock.value = self.world.block() + self.skew
            self.await_round()
        for proxy in self.proxies:
            proxy.set("")
        self.stop()

    def tell(self, step: int, what: str) -> None:
        self.told.append(f"{step:3d} {what}")

    def await_round(self) -> None:
        """Gives the engines time for about one round, or until all of them are dead."""
        before, deadline = self.rounds.value, time.monotonic() + _ROUND_PATIENCE
        while time.monotonic() < deadline and self.rounds.value == before:
            if not any(engine.is_alive() for engine in self.engines):
                return
            time.sleep(0.05)
            if self.world.waiting() and self.random.random() < 0.3:
                self.clock.value = self.world.block(self.random.choice((1, 12))) + self.skew

    # ------------------------------------------------------------- engines

    def start(self) -> None:
        """One more engine, maybe one that will end itself at a chosen place, or find the disk full."""
        dice = random.Random(f"engine {self.seed} {len(self.engines)}")
        crash = dice.choice(("", *CRASHES))
        full = dice.choice((0.0, 0.0, 0.0, 0.5)) if self.database_url.startswith("sqlite") else 0.0
        orders = Orders(
            ",".join(proxy.url for proxy in self.proxies),
            self.world.story.deployment.to_json(),
            self.database_url,
            bytes(self.world.keeper.key),
            fee_cap=dice.choice((None, 10**11)),
            crash=crash,
            crash_after=dice.randint(1, 12),
            full_disk_after=full,
        )
        engine = processes.Process(target=serve, args=[orders, self.clock, self.rounds], daemon=True)
        engine.start()
        self.engines.append(engine)
        self.told.append(f"    engine {engine.pid} starts; ends {crash or 'when killed'}; disk {full or 'free'}")

    def kill(self) -> str:
        """SIGKILL, at whatever it is at."""
        alive = [engine for engine in self.engines if engine.is_alive()]
        if not alive:
            return "nobody to kill"
        time.sleep(self.random.random() / 2)
        self.random.choice(alive).kill()
        return "killed"

    def second_engine(self) -> str:
        """Two at once, by mistake."""
        self.start()
        return "another engine beside the first"

    def stop(self) -> None:
        """Nobody is left."""
        for engine in self.engines:
            engine.kill()
            engine.join()

    def jump(self) -> str:
        """The machine's clock is off from now on."""
        self.skew = self.random.choice((-7_200.0, -60.0, 0.0, 60.0, 7_200.0))
        return f"clock off by {self.skew:.0f} s"

    # ------------------------------------------------------------- endpoints and database

    def trouble(self) -> str:
        """Some or all endpoints fail in one way, always or now and then."""
        fault, share = self.random.choice(TRANSPORT), self.random.choice((0.1, 0.5, 1.0))
        hit = self.random.sample(self.proxies, self.random.randint(1, ENDPOINTS))
        for proxy in hit:
            proxy.set(fault, share)
        return f"{len(hit)} endpoints: {fault}, {share:.0%} of answers"

    def lie(self) -> str:
        """One endpoint of three lies; the others are well, or nothing could tell."""
        fault = self.random.choice(LIES)
        self.mend()
        self.random.choice(self.proxies).set(fault)
        return f"one endpoint: {fault}"

    def mend(self) -> str:
        """All endpoints are well again."""
        for proxy in self.proxies:
            proxy.set("")
        return "endpoints are well"

    def lock_database(self) -> str:
        """Somebody else holds the database, for longer than the engine waits for it."""
        engine = sqlalchemy.create_engine(self.database_url.replace("postgresql:", "postgresql+psycopg:"))
        sqlite = self.database_url.startswith("sqlite")
        with engine.connect() as connection:
            if not sqlalchemy.inspect(connection).has_table("cursors"):
                return "no database to lock yet"
            statement = "BEGIN EXCLUSIVE" if sqlite else "LOCK TABLE cursors, leases IN ACCESS EXCLUSIVE MODE"
            try:
                connection.exec_driver_sql(statement)
                time.sleep(1.2)
                connection.rollback()
            except sqlalchemy.exc.OperationalError as busy:
                return f"database not to be had: {busy.orig}"
            finally:
                connection.invalidate()
        engine.dispose()
        return "database locked for a while"


@contextmanager
def chaos(seed: int, database_url: str) -> Iterator[Chaos]:
    """A world, its endpoints and a run, not begun yet."""
    with ExitStack() as stack:
        node = stack.enter_context(AnvilProcess(CHAIN_ID, GENESIS))
        world = World(AnvilChain(node.url), seed)
        proxies = [stack.enter_context(Proxy(node.url, seed * 10 + k)) for k in range(ENDPOINTS)]
        made = Chaos(seed, database_url, world, proxies)
        stack.callback(made.stop)
        yield made


def run(seed: int, database_url: str) -> tuple[list[str], list[str]]:
    """Plays one seed; returns what is wrong in the end (nothing, if all is well) and what was done."""
    with chaos(seed, database_url) as made:
        made.play()
        store = Store(database_url).create()
        try:
            settle(made.world, store)
            found = wrongs(made.world, store)
            made.told.append(summary(store))
        finally:
            store.close()
        return found, made.told
