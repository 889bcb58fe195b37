"""The main job, start to end: deploy, stake, sell, halt, prove, pay, settle. Time moves only between rounds of jobs."""

from collections.abc import Callable
from dataclasses import dataclass

from insure.api.app import create_api
from insure.api.server import Server
from insure.chain.contracts import Asset, CoverPool, IncidentBook, PolicyBook
from insure.chain.sender import Sender
from insure.claims import due
from insure.client import Client, OfferedQuote
from insure.dataset import Dataset
from insure.demo.cast import TEAM_THRESHOLD, TEAMS, cast_of, observer_accounts
from insure.demo.world import STEP_SECONDS, World, moments
from insure.desk import DeskLimits
from insure.engine import Engine
from insure.errors import InsureError, TransactionFailed
from insure.installation import Installation, assemble
from insure.jobs import JobBoard
from insure.ops.deploy import DeploymentPlan, TimelockPlan, deploy
from insure.records.deployment import Deployment
from insure.records.onchain import Policy, Span, Terms
from insure.records.units import amount_text
from insure.records.views import IncidentView, StakerView, SubjectState
from insure.store import Store
from insure.watchtower.crew import build_relays, build_tower
from pricing_models.model import Model
from pricing_models.payoff import Semantics

DECIMALS = 6
UNIT = 10**DECIMALS
DEPOSITS = (400_000 * UNIT, 250_000 * UNIT, 150_000 * UNIT)
TERM_SECONDS = 90 * 86_400
LEAD_SECONDS = 3_600
"""How long before the halt beats are heard."""
MOST_SCENARIOS = 8
"""Of one subject, as the contract has it."""
SETTLEMENT_SECONDS = 86_400
"""How long the contracts hold the reserve after an incident is final."""

TERMS = Terms(
    waiting_seconds=20 * 60,
    semantics=Semantics.RETENTION,
    rate_per_second=5_000 * UNIT // 3_600,
    failover_benefit=0,
    incident_limit=60_000 * UNIT,
    aggregate_limit=120_000 * UNIT,
)


@dataclass(frozen=True)
class Plot:
    """What is to happen: which subject halts from when to when (UTC seconds), and who lives on as the control."""

    subject_id: str
    control_id: str
    halt_from: int
    halt_until: int


@dataclass(frozen=True)
class Ending:
    """How it came out; amounts in smallest units.

    `owed` is what the models' payoff makes of the incidents, `paid` what the holder's account received. A halt of
    more than a week makes several incidents; they are in order.
    """

    offer: OfferedQuote
    policy: Policy
    incidents: tuple[IncidentView, ...]
    owed: int
    paid: int
    paid_while_down: int
    pool_before: int
    pool_after: int
    stakers_before: tuple[StakerView, ...]
    stakers_after: tuple[StakerView, ...]
    refusal: str

    @property
    def covered(self) -> Span:
        """From the first covered second to the end of the last."""
        return Span(self.incidents[0].incident.start, self.incidents[-1].incident.until)

    @property
    def covered_seconds(self) -> int:
        """The covered seconds of all incidents."""
        return sum(view.incident.covered_seconds for view in self.incidents)


class Story:
    """Plays the plot on a world; `tell` is called with a line at every turn."""

    def __init__(
        self, world: World, plot: Plot, history: Dataset, model: Model, store: Store, tell: Callable[[str], None]
    ) -> None:
        self._world = world
        self._plot = plot
        self._store = store
        self._tell = tell
        self._told = 0
        self._cast = cast_of(world)
        roles = ("owner", "keeper", "relayer", "buyer", "late_buyer")
        self._sender = {role: Sender(world.host, getattr(self._cast, role), journal=store) for role in roles}
        self._deployment = self._deploy(history)
        self.installation = self._assemble(history, model)
        self.board = JobBoard(self.installation.timetable(), world.now, store)
        self.engine.job_status = self.board.status
        self._asset = Asset(world.host, self._deployment.asset)
        self._pool = CoverPool(world.host, self._deployment.cover_pool)
        self._policies = PolicyBook(world.host, self._deployment.policy_book)
        self._incidents = IncidentBook(world.host, self._deployment.incident_book)

    @property
    def engine(self) -> Engine:
        """The engine of the demo's installation."""
        return self.installation.engine

    def play(self) -> Ending:
        """Everything in its order."""
        self._stake()
        self.board.start_for_rounds()
        with Server(create_api(self.engine)) as server, Client(server.url) as client:
            policy_id, offer = self._sell(client)
            self._live_until_the_halt(offer.start)
            before, stakers = self._pool.total_assets(), self.engine.pool().stakers
            refusal = self._halt(client)
        self._recover()
        self._settle()
        return self._ending(policy_id, offer, before, stakers, refusal)

    # ------------------------------------------------------------- scenes

    def _deploy(self, history: Dataset) -> Deployment:
        causes = [each.cause for each in history.dependencies if each.subject == self._plot.subject_id]
        plan = DeploymentPlan(
            subject_id=self._plot.subject_id,
            watcher_teams={team: [each.address for each in observer_accounts(team)] for team in TEAMS},
            watcher_threshold=TEAM_THRESHOLD,
            relayer=self._cast.relayer.address,
            control_id=self._plot.control_id,
            underwriter=self._cast.underwriter.address,
            # what one of its causes can stop: every further subject that is sold would join its own
            scenarios={history.subject(cause).name: [self._plot.subject_id] for cause in causes[:MOST_SCENARIOS]},
            timelock=TimelockPlan([self._cast.governor.address]),
        )
        return deploy(self._world.host, self._sender["owner"], plan)

    def _assemble(self, history: Dataset, model: Model) -> Installation:
        world, plot, keeper = self._world, self._plot, self._sender["keeper"]
        nodes = {plot.subject_id: [world.subject_url], plot.control_id: [world.control_url]}
        observers = [account for team in TEAMS for account in observer_accounts(team)]
        return assemble(
            history,
            model,
            world.host,
            self._deployment,
            self._store,
            world.now,
            underwriter=self._cast.underwriter,
            keeper=keeper,
            confirmations=0,
            limits=DeskLimits(quote_seconds=3_600),
            tower=build_tower(world.host, self._deployment, observers, nodes, keeper),
            relays=build_relays(world.host, self._deployment, nodes, self._sender["relayer"]),
            stakers=[staker.address for staker in self._cast.stakers],
        )

    def _stake(self) -> None:
        for staker, amount in zip(self._cast.stakers, DEPOSITS, strict=True):
            sender = Sender(self._world.host, staker, journal=self._store)
            self._sender["owner"].send(self._asset.mint(staker.address, amount))
            sender.send(self._asset.approve(self._pool.address, amount))
            sender.send(self._pool.deposit(amount, staker.address))
        self._tell(f"three stakers deposit {amount_text(sum(DEPOSITS), DECIMALS)}")

    def _sell(self, client: Client) -> tuple[int, OfferedQuote]:
        """A protocol asks for a quote over HTTP and takes it up with its own key."""
        offer = client.quote(self._plot.subject_id, self._cast.buyer.address, TERMS, TERM_SECONDS)
        self._sender["owner"].send(self._asset.mint(self._cast.buyer.address, offer.premium))
        purchase = client.buy(offer, self._sender["buyer"])
        self._tell(f"policy {purchase.policy_id} is sold for {amount_text(offer.premium, DECIMALS)}")
        return purchase.policy_id, offer

    def _live_until_the_halt(self, cover_start: int) -> None:
        """The cooling-off passes, then an hour of beats before the halt."""
        self._world.advance(max(cover_start, self._plot.halt_from - LEAD_SECONDS))
        self._tell("cover is in force")
        for at in range(self._world.now() + STEP_SECONDS, self._plot.halt_from, STEP_SECONDS):
            self._round(at)
        self._round(self._plot.halt_from)

    def _halt(self, client: Client) -> str:
        """The subject's mining stops; the jobs do the rest. Returns why a purchase after the alarm was refused."""
        late = self._cast.late_buyer.address
        offer = client.quote(self._plot.subject_id, late, TERMS, TERM_SECONDS)
        self._sender["owner"].send(self._asset.mint(late, offer.premium))
        self._world.halt_subject()
        self._tell("the subject's block production stops")
        refusal = ""
        for at in moments(self._plot.halt_from, self._plot.halt_until - 1):
            self._round(at)
            if not refusal and self._alarmed():
                refusal = self._refused(client, offer)
        return refusal

    def _refused(self, client: Client, offer: OfferedQuote) -> str:
        """The contract's reason against a purchase on a quote that was signed before the alarm."""
        try:
            purchase = client.buy(offer, self._sender["late_buyer"])
        except TransactionFailed as error:
            self._tell(f"first alarm; a purchase on an earlier quote is refused: {error}")
            return str(error)
        raise InsureError(f"policy {purchase.policy_id} was sold after the first alarm")

    def _recover(self) -> None:
        """The subject produces blocks again; the jobs pay what is still owed and end the incident."""
        self._world.advance(self._plot.halt_until)
        self._world.resume_subject()
        self._tell("the subject produces blocks again")
        rules = self._incidents.trigger(self._deployment.triggers[0].trigger_id)
        patience = rules.merge_gap + rules.challenge_period + max(path.grace for path in rules.paths) + 3_600
        for at in moments(self._plot.halt_until, self._plot.halt_until + patience):
            self._round(at)
            if self._all_final():
                self._tell("the incident is final")
                return
        raise InsureError("no incident was finalised in time: was the halt long enough to be covered?")

    def _all_final(self) -> bool:
        """Whether there was an incident, the newest is final, and the paths hold nothing that is in none."""
        newest = self.engine.incidents()[:1]
        rest, _ = self._incidents.sweep(self._deployment.triggers[0].trigger_id)
        return all(view.incident.final_at for view in newest) and bool(newest) and not rest

    def _settle(self) -> None:
        """The settlement window passes, and the reserve is released."""
        for wait in (SETTLEMENT_SECONDS, STEP_SECONDS):
            self._round(self._world.now() + wait)

    def _ending(
        self, policy_id: int, offer: OfferedQuote, before: int, stakers: tuple[StakerView, ...], refusal: str
    ) -> Ending:
        incidents = tuple(reversed(self.engine.incidents()))
        policy = self._policies.policy(policy_id)
        payments = self._store.payments(policy_id=policy_id)
        return Ending(
            offer=offer,
            policy=policy,
            incidents=incidents,
            owed=sum(claim.owed for claim in due(policy, [view.incident for view in incidents], {}, [])),
            paid=self._asset.balance_of(self._cast.buyer.address),
            paid_while_down=sum(each.paid for each in payments if each.at < self._plot.halt_until),
            pool_before=before,
            pool_after=self._pool.total_assets(),
            stakers_before=stakers,
            stakers_after=self.engine.pool().stakers,
            refusal=refusal,
        )

    # ------------------------------------------------------------- stage hands

    def _round(self, at: int) -> None:
        """Moves time and has every job run once; a job that fails ends the play."""
        self._world.advance(at)
        for job in self.board.run_round():
            if job.last_error:
                raise InsureError(f"job {job.name} failed: {job.last_error}")
        payments = self._store.payments()
        for payment in payments[self._told :]:
            state = "while the subject is down" if payment.at < self._plot.halt_until else "after it came back"
            self._tell(f"paid by contract {state}: {amount_text(payment.paid, DECIMALS)}")
        self._told = len(payments)

    def _alarmed(self) -> bool:
        return self.engine.watches()[0].state is not SubjectState.QUIET
