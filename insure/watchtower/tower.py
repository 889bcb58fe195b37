"""Brings what observers signed, and the beats of live chains, to the host chain."""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

from insure.chain.contracts import HeartbeatPath
from insure.chain.sender import Call, Sender
from insure.errors import ChainError, Unreachable, WrongChain
from insure.records.history import subject_key
from insure.records.onchain import Receipt, SignedObservation, Spell
from insure.watchtower.observer import Observer
from insure.watchtower.probe import EvmProbe

log = logging.getLogger(__name__)

ALARM_RENEWAL = 2_400
"""Seconds after which an alarm that still holds is raised anew, well before it lapses on the path."""


ATTENDANCE_RENEWAL = 86_400
"""Seconds after which observers say anew that they are there: a path that is never heard of may be retired."""


class Watchtower:
    """Lets observers look, gathers m of their signatures for each path, and sends the report.

    The sender only carries: without m observers' keys it can say nothing, and anyone else may carry instead.
    """

    def __init__(self, observers: Sequence[Observer], sender: Sender) -> None:
        self.sender = sender
        self._groups: dict[tuple[str, str], list[Observer]] = defaultdict(list)
        for observer in observers:
            self._groups[observer.path.address, observer.subject].append(observer)
        self._alarmed_at: dict[tuple[str, str], int] = {}
        self._thresholds = {o.path.address: o.path.threshold() for o in observers}

    def watch(self, now: int) -> list[Receipt]:
        """One look of every observer at time `now`, and the alarms and reports that follow."""
        # the host judges by its own last block, and takes nothing from beyond it
        now = min(now, self.sender.chain.head().timestamp)
        receipts = []
        for key, observers in self._groups.items():
            for observer in observers:
                observer.look(now)
            receipts += self._raise_alarm(key, observers, now)
            receipts += self._report(observers, now)
        return receipts

    def attend(self, now: int) -> list[Receipt]:
        """Has the observers of each path say that they are there, once a day and if there are enough of them."""
        now = min(now, self.sender.chain.head().timestamp)
        present: dict[str, dict[str, Observer]] = defaultdict(dict)
        for observers in self._groups.values():
            for observer in observers:
                present[observer.path.address][observer.address] = observer
        receipts: list[Receipt] = []
        for address, members in present.items():
            path = next(iter(members.values())).path
            if len(members) < self._thresholds[address] or now < path.attended_at() + ATTENDANCE_RENEWAL:
                continue
            signed = {each.address: each.sign_attendance(now) for each in members.values()}
            receipts += _try(self.sender, path.attend(now, signed))
        return receipts

    def _raise_alarm(self, key: tuple[str, str], observers: Sequence[Observer], now: int) -> list[Receipt]:
        if key in self._alarmed_at and now - self._alarmed_at[key] < ALARM_RENEWAL:
            return []
        for observer in observers:
            alarm = observer.sign_alarm(now)
            if alarm is None:
                continue
            receipts = _try(self.sender, observer.path.raise_alarm(observer.subject, *alarm))
            if receipts:
                self._alarmed_at[key] = now
                return receipts
        return []

    def _report(self, observers: Sequence[Observer], now: int) -> list[Receipt]:
        path, subject = observers[0].path, observers[0].subject
        signed = [each for each in (observer.sign(now) for observer in observers) if each is not None]
        receipts: list[Receipt] = []
        # one after the other, until nothing is news: no group's report keeps another group from being heard
        for _ in observers:
            chosen = choose(signed, self._thresholds[path.address], path.spells(subject), now)
            sent = _try(self.sender, path.report(chosen)) if chosen else []
            if not sent:
                break
            receipts += sent
        return receipts


class Relay:
    """Carries "alive at t" of each subject to a heartbeat path; stands in for a messaging stack."""

    def __init__(self, path: HeartbeatPath, probes: Mapping[str, EvmProbe], sender: Sender) -> None:
        self._path = path
        self._probes = {"0x" + subject_key(each).hex(): probe for each, probe in probes.items()}
        self._waiting: dict[str, int] = {}
        self.sender = sender
        self._spacing = path.period() // 2

    def beat(self, now: int) -> list[Receipt]:
        """One beat for every chain whose head moved on by half a period since its last one."""
        # the host takes no beat from beyond its own last block: one that is too new waits for the next round
        now = min(now, self.sender.chain.head().timestamp)
        due = []
        for subject, probe in self._probes.items():
            sighting = probe.look()
            if sighting is None:
                continue
            seen = (sighting.block_time, self._waiting.get(subject, 0))
            self._waiting[subject] = sighting.block_time
            alive_at = max((each for each in seen if each <= now), default=0)
            last_beat = self._path.last_beat(subject)
            if alive_at - last_beat >= self._spacing:
                due.append((last_beat, subject, alive_at))
        # who was silent comes last: a silence counts only as far as the control has been heard until then
        receipts: list[Receipt] = []
        for _, subject, alive_at in sorted(due, reverse=True):
            receipts += _try(self.sender, self._path.beat(subject, alive_at))
        return receipts


def _try(sender: Sender, call: Call) -> list[Receipt]:
    """Sends; what the contract refuses or the node fails on is logged, and must not keep other subjects waiting.

    Raises `Unreachable` and `WrongChain`: then nothing else would get through either.
    """
    try:
        return [sender.send(call)]
    except (Unreachable, WrongChain):
        raise
    except ChainError as error:
        log.warning("%s at %s: %s", call, call.address, error)
        return []


def choose(
    signed: Sequence[SignedObservation], threshold: int, spells: Sequence[Spell], now: int
) -> list[SignedObservation]:
    """The `threshold` observations, by ascending signer, to report next on a path that has these spells.

    Empty when no `threshold` of them overlap by `now`, or when nothing new would be attested. What makes the earliest
    spell goes first; of those the intersection that reaches furthest, and of equals the one that ends. So one observer
    who is wrong (or lies) can't keep `threshold` others from being heard, if this is asked again after each report.
    """
    best: list[SignedObservation] = []
    best_rank: tuple[int, int, bool] | None = None
    for start in sorted({each.observation.start for each in signed}):
        able = [each for each in signed if each.observation.start <= start < each.observation.until <= now]
        for group in (_furthest(able, threshold), _furthest([e for e in able if e.observation.ended], threshold)):
            if len(group) < threshold:
                continue
            until = min(each.observation.until for each in group)
            ended = all(each.observation.ended for each in group)
            begin = min([start, *(each.start for each in spells if each.start <= until and start <= each.until)])
            rank = (-begin, until, ended)
            if _is_news(start, until, ended, spells) and (best_rank is None or rank > best_rank):
                best, best_rank = group, rank
    return sorted(best, key=lambda each: int(each.observer, 16))


def _furthest(able: Sequence[SignedObservation], threshold: int) -> list[SignedObservation]:
    return sorted(able, key=lambda each: -each.observation.until)[:threshold]


def _is_news(start: int, until: int, ended: bool, spells: Sequence[Spell]) -> bool:
    """Whether the path would take it: it unites what it is told with its spells, and refuses what lies within one."""
    within = [each for each in spells if each.start <= start and until <= each.until]
    return not within or (ended and within[-1].open and until == within[-1].until)
