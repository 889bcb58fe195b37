"""The attestation paths: what they attest, and what observers and relayers bring to them."""

from collections.abc import Sequence

from eth_utils.address import to_checksum_address

from insure.chain.codec import word
from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.chain.typed_data import TypedData, alarm_message, observation_message, observation_values
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

    def relayer(self) -> Address:
        """Who brings the beats."""
        return to_checksum_address(self._read("relayer")[0])

    def beat(self, subject: Bytes32, sent_at: int) -> Call:
        """Brings "alive at `sent_at`"; only the relayer may."""
        return self._call("beat", subject, sent_at)
