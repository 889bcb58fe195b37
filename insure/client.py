"""The SDK: asks the HTTP API for offers and the state of cover, and buys with the caller's own key.

client = Client("http://127.0.0.1:8050")
offer = client.quote("eip155:42161", sender.address, terms, term_seconds=90 * 86_400)
purchase = client.buy(offer, sender)
client.policy(purchase.policy_id)
"""

from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import httpx
from eth_utils.crypto import keccak

from insure.chain.rpc import Chain
from insure.chain.sender import Call
from insure.errors import InsureError, InvalidInput, Refused, TransactionFailed, Unreachable
from insure.records.onchain import ZERO_ADDRESS, Address, Receipt, Terms
from insure.records.views import PreparedTransaction

_TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
_TIMEOUT_SECONDS = 30.0

Json = dict[str, Any]


class Buyer(Protocol):
    """Who sends the buyer's transactions: `insure.chain.Sender` is one."""

    @property
    def address(self) -> Address:
        """The buyer."""
        ...

    @property
    def chain(self) -> Chain:
        """The host chain."""
        ...

    def send(self, call: Call) -> Receipt:
        """Sends a call and waits for it; raises `TransactionFailed` with the contract's reason."""
        ...


@dataclass(frozen=True)
class OfferedQuote:
    """An offer: what it costs in smallest units, until when it stands, and the buyer's two transactions.

    `components` is the premium's breakdown by name, `answer` the API's whole answer.
    """

    premium: int
    deadline: int
    start: int
    end: int
    buyer: Address
    components: dict[str, int]
    approval: PreparedTransaction
    transaction: PreparedTransaction
    answer: Json


@dataclass(frozen=True)
class Purchase:
    """A policy just bought."""

    policy_id: int
    receipt: Receipt


class Client:
    """One API; use it as a context manager or close it.

    Raises `Unreachable` when the API does not answer, `InvalidInput` for a wrong field, `Refused` when the desk says
    no, each with the API's own message.
    """

    def __init__(self, base_url: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=_TIMEOUT_SECONDS, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the connections back."""
        self._http.close()

    def quote(
        self, subject_id: str, buyer: Address, terms: Terms, term_seconds: int, standby: Address = ZERO_ADDRESS
    ) -> OfferedQuote:
        """A signed offer for these terms; `Refused` if it comes back with other ones."""
        money = ("rate_per_second", "failover_benefit", "incident_limit", "aggregate_limit")
        asked = {name: str(value) if name in money else value for name, value in asdict(terms).items()}
        body = {
            "subject_id": subject_id,
            "buyer": buyer,
            "terms": asked,
            "term_seconds": term_seconds,
            "standby": standby,
        }
        answer: Json = self._ask("POST", "/v1/quotes", body)
        quote = answer["signed"]["quote"]
        for name, wanted in asked.items():
            if quote["terms"][name] != wanted:
                raise Refused(f"terms.{name} of the offer is {quote['terms'][name]}: asked was {wanted}")
        return OfferedQuote(
            premium=int(quote["premium"]),
            deadline=quote["deadline"],
            start=quote["start"],
            end=quote["end"],
            buyer=quote["buyer"],
            components={part["name"]: int(part["amount"]) for part in answer["price"]["components"]},
            approval=_transaction(answer["approval"]),
            transaction=_transaction(answer["transaction"]),
            answer=answer,
        )

    def buy(self, offer: OfferedQuote, buyer: Buyer) -> Purchase:
        """Lets the pool take the premium and takes up the offer; raises `TransactionFailed` with the contract's reason.

        If the purchase fails the approval stays: it lets the pool take this premium only.
        """
        if buyer.address != offer.buyer:
            raise InvalidInput(f"buyer is {buyer.address}: must be {offer.buyer}, whom the offer names")
        if buyer.chain.chain_id != offer.transaction.chain_id:
            raise InvalidInput(f"chain is {buyer.chain.chain_id}: must be the offer's, {offer.transaction.chain_id}")
        buyer.send(_call("asset", "approve", offer.approval))
        receipt = buyer.send(_call("PolicyBook", "buy", offer.transaction))
        return Purchase(_minted(buyer.chain, offer.transaction.to, receipt), receipt)

    def subjects(self) -> list[Json]:
        """What can be covered."""
        return self._list("/v1/subjects")

    def policy(self, policy_id: int) -> Json:
        """A policy with its claims; raises `InvalidInput` if there is none of that number."""
        answer: Json = self._ask("GET", f"/v1/policies/{policy_id}")
        return answer

    def incidents(self) -> list[Json]:
        """All incidents, newest first."""
        return self._list("/v1/incidents")

    def pool(self) -> Json:
        """The pool."""
        answer: Json = self._ask("GET", "/v1/pool")
        return answer

    def _list(self, path: str) -> list[Json]:
        answer: list[Json] = self._ask("GET", path)
        return answer

    def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TransportError as error:
            raise Unreachable(f"the API at {self._http.base_url} does not answer: {error}") from error
        if answer.is_success:
            return answer.json()
        raise _error(answer)


def _error(answer: httpx.Response) -> InsureError:
    """The API's error as one of our tree."""
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"{answer.request.url} answered {answer.status_code} without an error body of the API")
    kinds: dict[int, type[InsureError]] = {404: InvalidInput, 409: Refused, 422: InvalidInput}
    return kinds.get(answer.status_code, Unreachable)(message)


def _transaction(fields: Json) -> PreparedTransaction:
    return PreparedTransaction(fields["to"], fields["data"], int(fields["value"]), fields["chain_id"])


def _call(contract: str, function: str, prepared: PreparedTransaction) -> Call:
    data = bytes.fromhex(prepared.data.removeprefix("0x"))
    return Call(contract, prepared.to, function, (), data)


def _minted(chain: Chain, book: Address, receipt: Receipt) -> int:
    """The number of the token that the transaction minted (ERC-721: a transfer from nobody)."""
    for log in chain.logs([book], receipt.block_number, receipt.block_number):
        mint = len(log.topics) == 4 and log.topics[0] == _TRANSFER and int(log.topics[1], 16) == 0
        if log.tx_hash == receipt.tx_hash and mint:
            return int(log.topics[3], 16)
    raise TransactionFailed(f"transaction {receipt.tx_hash} succeeded without a policy being minted")
