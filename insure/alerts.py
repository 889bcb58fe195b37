"""What a person must hear of: told once when it begins and once when it is over, by a signed webhook."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Protocol

import httpx

from insure.errors import FeeTooHigh, InvalidInput, SourceError
from insure.records.onchain import LOW_GAS_WEI
from insure.records.units import time_text
from insure.records.views import Health, IncidentView, PoolView, SubjectState, WatchView

BEATS_AHEAD_SECONDS = 14 * 86_400
"""A trigger whose evidence is paid for less far ahead soon sells no cover."""
REORGANISATION_TOLD_SECONDS = 86_400
"""It is over at once; a day is long enough for a person to look."""
_TIMEOUT_SECONDS = 10.0
_SECRET = "whsec_"


class AlertKind(StrEnum):
    """What is the matter."""

    ALARM = "alarm"
    INCIDENT = "incident"
    DEAD_PATH = "dead_path"
    BEAT_BUDGET = "beat_budget"
    PAYOUT = "payout"
    PAYOUT_BLOCKED = "payout_blocked"
    DEBTS = "debts"
    NO_ROOM = "no_room"
    LOW_GAS = "low_gas"
    JOB_FAILS = "job_fails"
    FEE_CAP = "fee_cap"
    MIRROR_LAGS = "mirror_lags"
    REORGANISATION = "reorganisation"
    ENDPOINT_OUT = "endpoint_out"


@dataclass(frozen=True, order=True)
class Alert:
    """One thing that is the matter; `about` tells it from others of its kind (a subject, a job, an address)."""

    kind: AlertKind
    about: str
    text: str

    @property
    def key(self) -> tuple[AlertKind, str]:
        """What stays the same while it lasts, whatever its figures do."""
        return self.kind, self.about


class Told(Protocol):
    """The part of the engine that alerts are made from."""

    def health(self) -> Health:
        """Whether the process, its jobs, endpoints and senders are well."""
        ...

    def pool(self) -> PoolView:
        """What the pool holds and owes."""
        ...

    def watches(self) -> list[WatchView]:
        """Every trigger as watched now."""
        ...

    def incidents(self) -> list[IncidentView]:
        """Incidents on record."""
        ...


def standing(engine: Told) -> frozenset[Alert]:
    """Everything that is the matter now; raises what the engine raises."""
    health, pool, incidents = engine.health(), engine.pool(), engine.incidents()
    return frozenset(
        (*_of_cover(engine.watches(), incidents, health.now), *_of_money(health, pool), *_of_process(health))
    )


def _of_cover(watches: Iterable[WatchView], incidents: Iterable[IncidentView], now: int) -> Iterator[Alert]:
    for watch in watches:
        if watch.state is SubjectState.ALARMED:
            paths = ", ".join(path.name for path in watch.paths if path.alarmed) or "too few families are live"
            yield Alert(AlertKind.ALARM, watch.trigger_id, f"{watch.subject_name} is alarmed: {paths}")
        elif watch.state is SubjectState.INCIDENT:
            yield Alert(
                AlertKind.INCIDENT, watch.trigger_id, f"{watch.subject_name} has an incident that is not settled"
            )
        for name in watch.silent:
            text = f"{watch.subject_name}: path {name} is silent, broken or retired"
            yield Alert(AlertKind.DEAD_PATH, f"{watch.trigger_id} {name}", text)
        if watch.funded_until is not None and watch.funded_until < now + BEATS_AHEAD_SECONDS:
            text = f"{watch.subject_name}: evidence is paid for until {time_text(watch.funded_until)}"
            yield Alert(AlertKind.BEAT_BUDGET, watch.trigger_id, text)
    for view in incidents:
        if view.paid > 0:
            about = f"{view.incident.trigger_id} {view.incident.sequence}"
            yield Alert(AlertKind.PAYOUT, about, f"{view.subject_name}: cover is being paid")


def _of_money(health: Health, pool: PoolView) -> Iterator[Alert]:
    unpaid = pool.claims_owed - pool.claims_paid
    failing = [job.last_error for job in health.jobs if job.last_error and job.name in ("pay", "claim")]
    if unpaid > 0 and failing:
        yield Alert(AlertKind.PAYOUT_BLOCKED, "pool", f"{unpaid} is owed and not paid: {failing[0]}")
    if pool.solvency.debts > 0:
        yield Alert(AlertKind.DEBTS, "pool", f"claims exceeded the assets by {pool.solvency.debts}: deposits wait")
    if pool.solvency.free == 0:
        yield Alert(AlertKind.NO_ROOM, "pool", "the pool has no room for further cover")


def _of_process(health: Health) -> Iterator[Alert]:
    for job in health.jobs:
        if job.last_error.startswith(FeeTooHigh.__name__):
            yield Alert(AlertKind.FEE_CAP, job.name, f"job {job.name} waits for cheaper gas: {job.last_error}")
        elif job.last_error:
            yield Alert(AlertKind.JOB_FAILS, job.name, f"job {job.name} fails: {job.last_error}")
    if not health.ready:
        text = (
            f"the mirror is at {health.mirrored_to} of {health.deep} that are deep enough, the chain at {health.head}"
        )
        yield Alert(AlertKind.MIRROR_LAGS, "mirror", text)
    gone = health.rollback
    if gone is not None and health.now < gone.at + REORGANISATION_TOLD_SECONDS:
        text = f"block {gone.block} was believed and is gone: the mirror went back to {gone.ancestor}"
        yield Alert(AlertKind.REORGANISATION, "mirror", text)
    for number, endpoint in enumerate(health.endpoints):
        if not endpoint.used:
            yield Alert(AlertKind.ENDPOINT_OUT, f"{number} {endpoint.host}", f"endpoint {endpoint.host} is out")
    for number, endpoint in enumerate(health.private_endpoints):
        if not endpoint.used:
            text = f"private endpoint {endpoint.host} is out: if no other is well, transactions wait"
            yield Alert(AlertKind.ENDPOINT_OUT, f"private {number} {endpoint.host}", text)
    for sender in health.senders:
        if sender.balance < LOW_GAS_WEI:
            yield Alert(AlertKind.LOW_GAS, sender.address, f"the {sender.role} has {sender.balance} wei left for gas")


@dataclass(frozen=True)
class Message:
    """That an alert begins or is over, as first noticed at `since` (UTC seconds)."""

    alert: Alert
    begins: bool
    since: int


class Herald:
    """Tells what begins and what is over, each until it was heard: a message that fails is sent again next time, as
    the same message. What is the matter when the process starts is told anew. `send` takes a message and now.
    """

    def __init__(self, engine: Told, send: Callable[[Message, int], None]) -> None:
        self._engine = engine
        self._send = send
        self._told: dict[tuple[AlertKind, str], Alert] = {}
        self._waiting: dict[tuple[AlertKind, str, bool], Message] = {}

    def run(self, now: int) -> None:
        """Tells what has changed since last time; raises the first error of sending after all were tried."""
        failure: SourceError | None = None
        self._waiting = {
            (*message.alert.key, message.begins): self._waiting.get((*message.alert.key, message.begins), message)
            for message in self._changes(now)
        }
        for message in self._waiting.values():
            try:
                self._send(message, now)
            except SourceError as error:
                failure = failure or error
                continue
            if message.begins:
                self._told[message.alert.key] = message.alert
            else:
                del self._told[message.alert.key]
        if failure is not None:
            raise failure

    def _changes(self, now: int) -> list[Message]:
        current = {alert.key: alert for alert in standing(self._engine)}
        begun = [Message(alert, True, now) for key, alert in sorted(current.items()) if key not in self._told]
        over = [Message(alert, False, now) for key, alert in sorted(self._told.items()) if key not in current]
        return begun + over


class Webhook:
    """Posts alerts as JSON, signed as the Standard Webhooks specification has it (HMAC-SHA256, `whsec_` secrets).

    Raises `InvalidInput` for a secret that is none; it is never shown.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._key = _key_of(secret)
        self._http = httpx.Client(timeout=_TIMEOUT_SECONDS)

    def send(self, message: Message, now: int) -> None:
        """Posts one message; raises `SourceError` unless the receiver says that it has it (2xx)."""
        told = asdict(message.alert) | {"begins": message.begins, "since": message.since}
        body = json.dumps(told, sort_keys=True)
        # the same however often it is sent, so that a receiver can tell
        identity = hashlib.sha256(body.encode()).hexdigest()[:32]
        headers = {
            "content-type": "application/json",
            "webhook-id": identity,
            "webhook-timestamp": str(now),
            "webhook-signature": "v1," + self._sign(f"{identity}.{now}.{body}"),
        }
        try:
            answer = self._http.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise SourceError(f"alert webhook: does not answer ({type(error).__name__})") from None
        if not answer.is_success:
            raise SourceError(f"alert webhook: answers {answer.status_code}: must be 2xx")

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._key, text.encode(), "sha256")).decode()


def _key_of(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_SECRET), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(_SECRET) or not 24 <= len(key) <= 64:
        raise InvalidInput(f"alert_secret must be {_SECRET} and 24 to 64 bytes in base64")
    return key
