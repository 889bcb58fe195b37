"""What bounded powers may do to incidents, and which paths of a trigger are alive: a part of the incident book."""

from eth_utils.address import to_checksum_address

from insure.chain.codec import word
from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.chain.typed_data import TypedData, window_message
from insure.records.onchain import Address, Bytes32, Dispute, Member, SaleRules, Span


class IncidentPowers(Contract):
    """Courts, calendar signers, and paths that are retired."""

    def members(self, trigger_id: Bytes32, block: int | None = None) -> list[Member]:
        """The trigger's paths, in its order, and which of them are noted as silent or retired."""
        found = self._read("membersOf", trigger_id, block=block)[0]
        return [Member(to_checksum_address(path), *rest) for path, *rest in found]

    def impaired(self, trigger_id: Bytes32, block: int | None = None) -> bool:
        """Whether so many paths are retired that no family more may fail."""
        return self._flag("impaired", trigger_id, block=block)

    def sale_rules(self, trigger_id: Bytes32, block: int | None = None) -> SaleRules:
        """What a sale must know, in one call."""
        subject, *rest = self._read("saleRules", trigger_id, block=block)[0]
        return SaleRules(word(subject), *rest)

    def retire(self, trigger_id: Bytes32, index: int) -> Call:
        """Notes a path that is silent or broken, clears the note when it is back, or retires it; anyone may."""
        return self._call("retire", trigger_id, index)

    def arbiter_of(self, trigger_id: Bytes32) -> Address:
        """Who rules on disputes; the zero address if nobody does."""
        return to_checksum_address(self._read("arbiterOf", trigger_id)[0])

    def proposer_of(self, trigger_id: Bytes32, sequence: int, block: int | None = None) -> Address:
        """Who proposed an incident first."""
        return to_checksum_address(self._read("proposerOf", trigger_id, sequence, block=block)[0])

    def dispute_of(self, trigger_id: Bytes32, block: int | None = None) -> Dispute:
        """The dispute of the trigger's newest incident."""
        return Dispute(*self._read("disputeOf", trigger_id, block=block)[0])

    def open_dispute(self, trigger_id: Bytes32, start: int) -> Call:
        """Holds back what is covered from `start` on, UTC seconds; only the trigger's court may."""
        return self._call("openDispute", trigger_id, start)

    def close_dispute(self, trigger_id: Bytes32, upheld: bool) -> Call:
        """Ends the dispute; upheld, the disputed time until now is struck out. Only the trigger's court may."""
        return self._call("closeDispute", trigger_id, upheld)

    def windows(self, trigger_id: Bytes32, since: int = 0, block: int | None = None) -> list[Span]:
        """The 64 oldest announced stops that end after `since`, UTC seconds."""
        return [Span(*each) for each in self._read("windows", trigger_id, since, block=block)[0]]

    def struck(self, trigger_id: Bytes32, since: int = 0, block: int | None = None) -> list[Span]:
        """The 64 oldest spans that disputes struck out and that end after `since`, UTC seconds."""
        return [Span(*each) for each in self._read("struck", trigger_id, since, block=block)[0]]

    def window_digest(self, trigger_id: Bytes32, window: Span) -> Bytes32:
        """The contract's own EIP-712 hash of an announced stop."""
        return word(self._read("windowDigest", trigger_id, (window.start, window.until))[0])

    def window_typed_data(self, trigger_id: Bytes32, window: Span) -> TypedData:
        """What the trigger's calendar signer signs."""
        return window_message(trigger_id, window, self.chain.chain_id, self.address)

    def announce(self, trigger_id: Bytes32, window: Span, signature: str) -> Call:
        """Announces a stop 72 hours to 30 days ahead; anyone may bring it. A later one shuts out earlier ones."""
        return self._call("announce", trigger_id, (window.start, window.until), signature)
