"""The attestation paths: what they attest, and what observers and relayers bring to them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eth_utils.address import to_checksum_address

from insure.chain.codec import word
from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.chain.typed_data import (
    TypedData,
    alarm_message,
    attendance_message,
    observation_message,
    observation_values,
)
from insure.records.onchain import Address, Bytes32, Observation, PathKind, SignedObservation, Spell


class Path(Contract):
    """What every path has; subjects are given as their 32-byte keys."""

    def kind(self) -> PathKind:
        """What sort of evidence it gives."""
        return PathKind(self._number("kind"))

    def parties(self) -> list[Bytes32]:
        """Who alone could falsify or silence it."""
        return [word(party) for party in self._read("parties")[0]]

    def spell_count(self, subject: Bytes32, block: int | None = None) -> int:
        """How many spells of the subject it attests."""
        return self._number("spellCount", subject, block=block)

    def spell(self, subject: Bytes32, index: int, block: int | None = None) -> Spell:
        """One spell; index 0 is the oldest."""
        start, until, still_open = self._read("spell", subject, index, block=block)
        return Spell(self.address, index, start, until, still_open)

    def spells(self, subject: Bytes32, block: int | None = None) -> list[Spell]:
        """All spells of the subject, oldest first."""
        return [self.spell(subject, index, block) for index in range(self.spell_count(subject, block))]

    def alarmed(self, subject: Bytes32, block: int | None = None) -> bool:
        """Whether there is a first sign of trouble."""
        return self._flag("alarmed", subject, block=block)

    def last_heard(self, subject: Bytes32, block: int | None = None) -> int:
        """The last sign of life, UTC seconds; before any, when the path was created."""
        return self._number("lastHeard", subject, block=block)

    def funded_until(self, subject: Bytes32, block: int | None = None) -> int:
        """Until when its attestations are paid for, UTC seconds; the largest 64-bit number if nobody pays."""
        return self._number("fundedUntil", subject, block=block)


class WatcherPath(Path):
    """m of n observers attest what their signed observations have in common."""

    artifact = "WatcherPath"

    def observers(self) -> list[Address]:
        """Whose signatures count."""
        return [to_checksum_address(each) for each in self._read("observers")[0]]

    def threshold(self) -> int:
        """How many must agree."""
        return self._number("threshold")

    def observation_digest(self, observation: Observation) -> Bytes32:
        """The contract's own EIP-712 hash of an observation."""
        return word(self._read("observationDigest", observation_values(observation))[0])

    def observation_typed_data(self, observation: Observation) -> TypedData:
        """What an observer signs about a stop."""
        return observation_message(observation, self.chain.chain_id, self.address)

    def alarm_digest(self, subject: Bytes32, since: int, deadline: int) -> Bytes32:
        """The contract's own EIP-712 hash of an alarm."""
        return word(self._read("alarmDigest", subject, since, deadline)[0])

    def alarmed_until(self, subject: Bytes32, block: int | None = None) -> int:
        """When the last alarm lapses, UTC seconds."""
        return self._number("alarmedUntil", subject, block=block)

    def alarm_typed_data(self, subject: Bytes32, since: int, deadline: int) -> TypedData:
        """What an observer signs at the first sign of trouble."""
        return alarm_message(subject, since, deadline, self.chain.chain_id, self.address)

    def report(self, signed: Sequence[SignedObservation]) -> Call:
        """Brings observations of one subject; they are put into the order of signers that the contract demands."""
        ordered = sorted(signed, key=lambda each: int(each.observer, 16))
        observations = [observation_values(each.observation) for each in ordered]
        return self._call("report", observations, [each.signature for each in ordered])

    def raise_alarm(self, subject: Bytes32, since: int, deadline: int, signature: str) -> Call:
        """Brings one observer's alarm."""
        return self._call("raiseAlarm", subject, since, deadline, signature)

    def attended_at(self, block: int | None = None) -> int:
        """When enough observers last said that they are there, UTC seconds; 0 if never."""
        return self._number("attendedAt", block=block)

    def attendance_digest(self, present_at: int) -> Bytes32:
        """The contract's own EIP-712 hash of an attendance."""
        return word(self._read("attendanceDigest", present_at)[0])

    def attendance_typed_data(self, present_at: int) -> TypedData:
        """What an observer signs when there is nothing to report."""
        return attendance_message(present_at, self.chain.chain_id, self.address)

    def attend(self, present_at: int, signed: Mapping[Address, str]) -> Call:
        """Brings "present at `present_at`", by observer; in the order of signers that the contract demands."""
        ordered = sorted(signed.items(), key=lambda item: int(item[0], 16))
        return self._call("attend", present_at, [signature for _, signature in ordered])


class HeartbeatPath(Path):
    """Silence of a subject's beats while its control's beats are heard."""

    artifact = "HeartbeatPath"

    def last_beat(self, subject: Bytes32, block: int | None = None) -> int:
        """When the last counted beat was sent, UTC seconds; 0 before the first."""
        return self._number("lastBeat", subject, block=block)

    def control_of(self, subject: Bytes32) -> Bytes32:
        """The subject whose beats show that path, relayer and host are alive."""
        return word(self._read("controlOf", subject)[0])

    def period(self) -> int:
        """Seconds from beat to beat."""
        return self._number("period")

    def latency(self) -> int:
        """Seconds within which a beat must arrive to count."""
        return self._number("latency")

    def alarm_after(self) -> int:
        """Seconds without a beat after which there is an alarm."""
        return self._number("alarmAfter")

    def relayer(self) -> Address:
        """Who brings the beats."""
        return to_checksum_address(self._read("relayer")[0])

    def beat(self, subject: Bytes32, sent_at: int) -> Call:
        """Brings "alive at `sent_at`"; only the relayer may."""
        return self._call("beat", subject, sent_at)

    def beat_cost(self) -> int:
        """What the relayer gets for a beat from what was prepaid, in the host's smallest coin; 0 if nothing."""
        return self._number("beatCost")

    def budget(self, block: int | None = None) -> int:
        """What is left for beats, in the host's smallest coin."""
        return self._number("budget", block=block)

    def fund(self, amount: int) -> Call:
        """Pays for beats to come; anyone may, nobody gets it back."""
        return replace(self._call("fund"), value=amount)
