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

from insure.chain.contracts import Asset, PolicyBook
from insure.chain.rpc import Chain
from insure.chain.sender import Call
from insure.errors import InsureError, InvalidInput, Refused, TransactionFailed, Unreachable
from insure.records.deployment import Deployment
from insure.records.onchain import ZERO_ADDRESS, Address, Quote, Receipt, SignedQuote, Span, Terms

_TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
_TIMEOUT_SECONDS = 30.0
_MONEY_TERMS = ("rate_per_second", "failover_benefit", "incident_limit", "aggregate_limit")

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
    """An offer as the underwriter signed it, and where to take it up.

    `components` is the premium's breakdown by name in smallest units, `answer` the API's whole answer.
    """

    signed: SignedQuote
    policy_book: Address
    chain_id: int
    components: dict[str, int]
    answer: Json

    @property
    def premium(self) -> int:
        """What it costs, in smallest units of the asset."""
        return self.signed.quote.premium

    @property
    def start(self) -> int:
        """First second of cover, UTC."""
        return self.signed.quote.start

    @property
    def end(self) -> int:
        """First second after cover, UTC."""
        return self.signed.quote.end


@dataclass(frozen=True)
class Purchase:
    """A policy just bought."""

    policy_id: int
    receipt: Receipt


class Client:
    """One API; use it as a context manager or close it.

    The API is not trusted with the buyer's key: an offer must be for what was asked, and the client makes the two
    transactions itself. Given the deployment's manifest, it holds the offer to those addresses too.

    Raises `Unreachable` when the API does not answer, `InvalidInput` for a wrong field, `Refused` when the desk says
    no, each with the API's own message.
    """

    def __init__(
        self, base_url: str, deployment: Deployment | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=_TIMEOUT_SECONDS, transport=transport)
        self._deployment = deployment

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
        asked = {name: str(value) if name in _MONEY_TERMS else value for name, value in asdict(terms).items()}
        body = {
            "subject_id": subject_id,
            "buyer": buyer,
            "terms": asked,
            "term_seconds": term_seconds,
            "standby": standby,
        }
        offer = _offer(self._ask("POST", "/v1/quotes", body))
        quote = offer.signed.quote
        asked_for = {
            "buyer": (quote.buyer.lower(), buyer.lower()),
            "standby": (quote.standby.lower(), standby.lower()),
            "term_seconds": (quote.end - quote.start, term_seconds),
            "exclusions": (quote.exclusions, ()),
            "renews": (quote.renews, 0),
            **{f"terms.{name}": (getattr(quote.terms, name), value) for name, value in asdict(terms).items()},
            **self._addresses(offer),
        }
        for name, (offered, wanted) in asked_for.items():
            if offered != wanted:
                raise Refused(f"{name} of the offer is {offered}: asked was {wanted}")
        return offer

    def _addresses(self, offer: OfferedQuote) -> dict[str, tuple[object, object]]:
        """What the offer says of the contracts against the manifest, if there is one."""
        known, quote = self._deployment, offer.signed.quote
        if known is None:
            return {}
        return {
            "chain": (offer.chain_id, known.chain_id),
            "pool": (quote.pool, known.cover_pool),
            "asset": (quote.asset, known.asset),
            "policy book": (offer.policy_book, known.policy_book),
        }

    def buy(self, offer: OfferedQuote, buyer: Buyer) -> Purchase:
        """Lets the pool take the premium and takes up the offer; raises `TransactionFailed` with the contract's reason.

        If the purchase fails the approval stays: it lets the pool take this premium only.
        """
        quote = offer.signed.quote
        if buyer.address != quote.buyer:
            raise InvalidInput(f"buyer is {buyer.address}: must be {quote.buyer}, whom the offer names")
        if buyer.chain.chain_id != offer.chain_id:
            raise InvalidInput(f"chain is {buyer.chain.chain_id}: must be the offer's, {offer.chain_id}")
        buyer.send(Asset(buyer.chain, quote.asset).approve(quote.pool, quote.premium))
        receipt = buyer.send(PolicyBook(buyer.chain, offer.policy_book).buy(offer.signed))
        return Purchase(_minted(buyer.chain, offer.policy_book, receipt), receipt)

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
        if not answer.is_success:
            raise _error(answer)
        try:
            return answer.json()
        except ValueError as error:
            raise _malformed(answer.url, error) from error


def _error(answer: httpx.Response) -> InsureError:
    """The API's error as one of our tree."""
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return Unreachable(f"{answer.request.url} answered {answer.status_code} without an error body of the API")
    kinds: dict[int, type[InsureError]] = {404: InvalidInput, 409: Refused, 422: InvalidInput}
    return kinds.get(answer.status_code, Unreachable)(message)


def _malformed(what: object, error: Exception) -> Unreachable:
    return Unreachable(f"{what} does not answer as the API does: {type(error).__name__} {error}")


def _offer(answer: Json) -> OfferedQuote:
    """An offer from the API's answer; raises `Unreachable` unless it has the API's shape."""
    try:
        signed, fields = answer["signed"], dict(answer["signed"]["quote"])
        fields |= {name: int(fields[name]) for name in ("premium", "nonce", "renews")}
        fields["exclusions"] = tuple(Span(each["start"], each["until"]) for each in fields["exclusions"])
        given = fields.pop("terms")
        amounts = {name: int(given[name]) for name in _MONEY_TERMS}
        terms = Terms(waiting_seconds=given["waiting_seconds"], semantics=given["semantics"], **amounts)
        quote = Quote(terms=terms, **fields)
        return OfferedQuote(
            signed=SignedQuote(quote, signed["underwriter"], signed["signature"]),
            policy_book=answer["transaction"]["to"],
            chain_id=answer["transaction"]["chain_id"],
            components={part["name"]: int(part["amount"]) for part in answer["price"]["components"]},
            answer=answer,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _malformed("/v1/quotes", error) from error


def _minted(chain: Chain, book: Address, receipt: Receipt) -> int:
    """The number of the token that the transaction minted (ERC-721: a transfer from nobody)."""
    for log in chain.logs([book], receipt.block_number, receipt.block_number):
        mint = len(log.topics) == 4 and log.topics[0] == _TRANSFER and int(log.topics[1], 16) == 0
        if log.tx_hash == receipt.tx_hash and mint:
            return int(log.topics[3], 16)
    raise TransactionFailed(f"transaction {receipt.tx_hash} succeeded without a policy being minted")
