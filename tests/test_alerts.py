"""Alerts: what is the matter, told once when it begins and once when it is over, signed, until it was heard."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from insure.alerts import (
    BEATS_AHEAD_SECONDS,
    REORGANISATION_TOLD_SECONDS,
    Alert,
    AlertKind,
    Herald,
    Message,
    Webhook,
    standing,
)
from insure.errors import InvalidInput, SourceError
from insure.installation import jobs_aside
from insure.records.onchain import LOW_GAS_WEI
from insure.records.views import EndpointView, Health, JobView, PoolView, Rollback, SenderView, WatchView
from insure.settings import Settings
from tests.loopback import LoopbackServer
from tests.screen_engine import NOW, ScreenEngine

KEEPER = "0x" + "ab" * 20
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Engine(ScreenEngine):
    """The screens' engine, with a health and a pool that a test sets."""

    def __init__(self, **health: Any) -> None:
        super().__init__()
        self.alarmed = set()
        well = Health(NOW, 1, 100, 97, 95, (JobView("claim", 60.0, 1, 0, NOW, ""),))
        self._health = replace(well, **health)
        self._pool: dict[str, Any] = {}

    def health(self) -> Health:
        return self._health

    def pool(self) -> PoolView:
        return replace(super().pool(), **self._pool)


def kinds(engine: Engine) -> set[AlertKind]:
    return {alert.kind for alert in standing(engine)} - {AlertKind.PAYOUT, AlertKind.ALARM, AlertKind.INCIDENT}


# What is the matter


def test_of_a_healthy_process_nothing_is_told() -> None:
    assert kinds(Engine()) == set()


@pytest.mark.parametrize(
    ("health", "kind"),
    [
        ({"jobs": (JobView("poke", 60.0, 3, 1, NOW, "Unreachable: nothing answers"),)}, AlertKind.JOB_FAILS),
        ({"jobs": (JobView("poke", 60.0, 3, 1, NOW, "FeeTooHigh: 90 gwei, at most 50"),)}, AlertKind.FEE_CAP),
        ({"rollback": Rollback(NOW - REORGANISATION_TOLD_SECONDS + 1, 90, 88)}, AlertKind.REORGANISATION),
        ({"mirrored_to": -1}, AlertKind.MIRROR_LAGS),
        ({"endpoints": (EndpointView("a.example", 90, 4, 0.0, False),)}, AlertKind.ENDPOINT_OUT),
        ({"private_endpoints": (EndpointView("a.example", -1, 4, 0.0, False),)}, AlertKind.ENDPOINT_OUT),
        ({"senders": (SenderView("keeper", KEEPER, LOW_GAS_WEI - 1),)}, AlertKind.LOW_GAS),
    ],
)
def test_what_ails_the_process_is_told(health: dict[str, Any], kind: AlertKind) -> None:
    assert kinds(Engine(**health)) == {kind}


def test_a_reorganisation_is_over_after_a_day() -> None:
    assert kinds(Engine(rollback=Rollback(NOW - REORGANISATION_TOLD_SECONDS, 90, 88))) == set()


def test_gas_enough_is_no_alert() -> None:
    assert kinds(Engine(senders=(SenderView("keeper", KEEPER, LOW_GAS_WEI),))) == set()


def test_a_payout_is_blocked_while_claims_fail_and_something_is_owed() -> None:
    failing = Engine(jobs=(JobView("claim", 60.0, 3, 1, NOW, "FeeTooHigh: 90 gwei, at most 50"),))
    failing._pool = {"claims_owed": 900, "claims_paid": 400}
    (blocked,) = (alert for alert in standing(failing) if alert.kind is AlertKind.PAYOUT_BLOCKED)
    assert blocked.text == "500 is owed and not paid: FeeTooHigh: 90 gwei, at most 50"
    failing._pool = {"claims_owed": 900, "claims_paid": 900}
    assert AlertKind.PAYOUT_BLOCKED not in kinds(failing)


def test_debts_and_a_full_pool_are_told() -> None:
    engine = Engine()
    engine._pool = {"solvency": replace(engine.pool().solvency, debts=5, free=0)}
    assert kinds(engine) == {AlertKind.DEBTS, AlertKind.NO_ROOM}


def test_alarms_incidents_and_payouts_are_those_that_the_screens_show() -> None:
    engine = ScreenEngine()
    told = {alert.kind for alert in standing(engine)}
    assert {watch.state.value for watch in engine.watches()} & {"incident", "alarmed"}
    assert told & {AlertKind.INCIDENT, AlertKind.ALARM}
    assert (AlertKind.PAYOUT in told) is any(view.paid > 0 for view in engine.incidents())


def test_silent_paths_and_beats_that_nobody_pays_for_are_told() -> None:
    class Watching(Engine):
        def watches(self) -> list[WatchView]:
            first, *rest = super().watches()
            soon = NOW + BEATS_AHEAD_SECONDS - 1
            return [replace(first, silent=("heartbeat",), funded_until=soon), *rest]

    told = {alert.kind: alert.text for alert in standing(Watching())}
    assert told[AlertKind.DEAD_PATH].endswith("path heartbeat is silent, broken or retired")
    assert "evidence is paid for until 20" in told[AlertKind.BEAT_BUDGET]
    assert {AlertKind.DEAD_PATH, AlertKind.BEAT_BUDGET}.isdisjoint(kinds(Engine()))


# Telling


class Ears:
    """Hears messages, or is deaf."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.deaf = False

    def __call__(self, message: Message, now: int) -> None:
        if self.deaf:
            raise SourceError("alert webhook: answers 503: must be 2xx")
        self.heard.append(message)


def low(balance: int) -> dict[str, Any]:
    return {"senders": (SenderView("keeper", KEEPER, balance),)}


def of(ears: Ears, kind: AlertKind = AlertKind.LOW_GAS) -> list[tuple[bool, int]]:
    return [(each.begins, each.since) for each in ears.heard if each.alert.kind is kind]


def test_what_lasts_is_told_once_and_its_end_too() -> None:
    engine, ears = Engine(**low(5)), Ears()
    herald = Herald(engine, ears)
    herald.run(100)
    engine._health = replace(engine._health, **low(4))
    herald.run(130)
    engine._health = replace(engine._health, **low(LOW_GAS_WEI))
    herald.run(160)
    herald.run(190)
    assert of(ears) == [(True, 100), (False, 160)]


def test_what_was_not_heard_is_told_again_as_the_same_message() -> None:
    engine, ears = Engine(**low(5)), Ears()
    herald = Herald(engine, ears)
    ears.deaf = True
    with pytest.raises(SourceError, match="answers 503"):
        herald.run(100)
    ears.deaf = False
    herald.run(130)
    assert of(ears) == [(True, 100)]


def test_what_is_over_before_it_was_heard_is_not_told() -> None:
    engine, ears = Engine(**low(5)), Ears()
    herald = Herald(engine, ears)
    ears.deaf = True
    with pytest.raises(SourceError):
        herald.run(100)
    engine._health, ears.deaf = replace(engine._health, **low(LOW_GAS_WEI)), False
    herald.run(130)
    assert of(ears) == []


# By webhook


class Receiver(LoopbackServer):
    """Answers POST with `status` and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.sent = 204, list[tuple[Mapping[str, str], bytes]]()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.sent.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(Handler)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


MESSAGE = Message(Alert(AlertKind.LOW_GAS, KEEPER, "the keeper has 5 wei left for gas"), True, 100)


@pytest.mark.network
def test_a_receiver_can_verify_who_sent_it_and_when(receiver: Receiver) -> None:
    Webhook(receiver.url, SECRET).send(MESSAGE, 130)
    ((headers, body),) = receiver.sent
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{right}"
    assert headers["webhook-timestamp"] == "130"
    told = json.loads(body)
    assert told == {
        "about": KEEPER,
        "begins": True,
        "kind": "low_gas",
        "since": 100,
        "text": "the keeper has 5 wei left for gas",
    }


@pytest.mark.network
def test_a_message_keeps_its_id_however_often_it_is_sent(receiver: Receiver) -> None:
    webhook = Webhook(receiver.url, SECRET)
    webhook.send(MESSAGE, 130)
    webhook.send(MESSAGE, 160)
    webhook.send(replace(MESSAGE, begins=False), 160)
    first, again, over = (headers["webhook-id"] for headers, _ in receiver.sent)
    assert first == again != over


@pytest.mark.network
def test_a_receiver_that_refuses_or_is_gone_has_not_heard(receiver: Receiver) -> None:
    webhook = Webhook(receiver.url, SECRET)
    receiver.status = 500
    with pytest.raises(SourceError, match="answers 500: must be 2xx"):
        webhook.send(MESSAGE, 130)
    receiver.close()
    with pytest.raises(SourceError, match="does not answer"):
        webhook.send(MESSAGE, 130)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_short", SECRET.removeprefix("whsec_"), "whsec_" + "!" * 40])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(InvalidInput, match="alert_secret must be whsec_") as caught:
        Webhook("https://x.example", secret)
    assert not secret or secret == "whsec_" or secret not in str(caught.value)


def test_alerts_are_a_job_once_they_have_an_address() -> None:
    assert jobs_aside(Settings(), Engine()) == []
    told = jobs_aside(Settings(alert_url="https://x.example", alert_secret=SECRET), Engine())
    assert [(job.name, job.every_seconds) for job in told] == [("alert", 30)]
    assert "whsec" not in repr(Settings(alert_url="https://x.example", alert_secret=SECRET))
