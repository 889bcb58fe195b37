"""The court of a pool: bonded disputes of incidents."""

from eth_utils.address import to_checksum_address

from insure.chain.contract import Contract
from insure.chain.sender import Call
from insure.records.onchain import Address, Bytes32, DisputeCase


class Disputes(Contract):
    """Bonds, rulings and credits; amounts in smallest units of the pool's asset."""

    artifact = "Disputes"

    def book(self) -> Address:
        """The incident book whose incidents are disputed."""
        return to_checksum_address(self._read("book")[0])

    def pool(self) -> Address:
        """The pool whose limits in force the bonds scale with."""
        return to_checksum_address(self._read("pool")[0])

    def asset(self) -> Address:
        """The token that bonds are posted in."""
        return to_checksum_address(self._read("asset")[0])

    def minimum_bond(self) -> int:
        """The least that a side posts."""
        return self._number("minimumBond")

    def bond_bps(self) -> int:
        """Which part of the incident limits in force a bond is, basis points."""
        return self._number("bondBps")

    def bond_for(self, trigger_id: Bytes32, block: int | None = None) -> int:
        """What each side of the trigger's next dispute posts."""
        return self._number("bondFor", trigger_id, block=block)

    def case_of(self, trigger_id: Bytes32, block: int | None = None) -> DisputeCase | None:
        """The trigger's open dispute, None if there is none; one that lapsed stays until it is concluded."""
        disputer, defender, *rest = self._read("caseOf", trigger_id, block=block)[0]
        if int(disputer, 16) == 0:
            return None
        return DisputeCase(to_checksum_address(disputer), to_checksum_address(defender), *rest)

    def credit_of(self, holder: Address, block: int | None = None) -> int:
        """What a winner can withdraw."""
        return self._number("creditOf", holder, block=block)

    def held(self, block: int | None = None) -> int:
        """Open bonds and credits together."""
        return self._number("held", block=block)

    def dispute(self, trigger_id: Bytes32, start: int) -> Call:
        """Disputes what is covered from `start` on, UTC seconds; the sender has approved the bond. Anyone may."""
        return self._call("dispute", trigger_id, start)

    def defend(self, trigger_id: Bytes32) -> Call:
        """Posts the same bond for the sweep; anyone may, once."""
        return self._call("defend", trigger_id)

    def rule(self, trigger_id: Bytes32, upheld: bool) -> Call:
        """Decides the dispute; only the trigger's arbiter may, before it lapses."""
        return self._call("rule", trigger_id, upheld)

    def conclude(self, trigger_id: Bytes32) -> Call:
        """Ends a dispute that lapsed: the arbiter was silent, the sweep stands. Anyone may."""
        return self._call("conclude", trigger_id)

    def withdraw(self, to: Address) -> Call:
        """Sends the sender's credit to `to`."""
        return self._call("withdraw", to)
