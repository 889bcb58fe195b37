"""Whether the endpoints of the host chain can do what the engine asks of them, each by itself.

Together, one that is well hides one that is not.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from insure.chain.heads import try_subscription
from insure.chain.private import PrivateEndpoints
from insure.chain.rpc import Chain
from insure.chain.urls import require_url, split_urls
from insure.errors import ChainError, InvalidInput
from insure.ops.checking import Check, failed
from insure.records.deployment import Deployment
from insure.records.onchain import Confirmations, Head
from insure.records.units import time_text
from insure.settings import Settings

HEADS_APART = 3
"""Blocks that a sound endpoint may be behind the best of them."""


@dataclass(frozen=True)
class _Answering:
    """An endpoint that answers for the right chain, its head, and the last block that is deep enough for it."""

    chain: Chain
    head: Head
    deep: int


def check_endpoints(settings: Settings, deployment: Deployment) -> tuple[list[Check], Head | None]:
    """What can be seen of every endpoint that the settings name, and the highest head of them; None if there is none.

    No transaction is published: of a private endpoint it is only seen whether it answers.
    """
    checks: list[Check] = []
    answering: dict[int, _Answering] = {}
    for number, url in enumerate(split_urls(settings.rpc_url), start=1):
        check, found = _endpoint(number, url, deployment.chain_id, settings.confirmations)
        checks.append(check)
        if found is not None:
            answering[number] = found
    if len(answering) > 1:
        checks += [*_heads(answering), *_blocks(answering)]
    for number, each in answering.items():
        checks += _reads(number, each, deployment)
    private = split_urls(settings.private_rpc_url) if settings.private_rpc_url else []
    for number, url in enumerate(private, start=1):
        checks.append(_done(f"private endpoint {number}", "answers", _probe, url, deployment.chain_id))
    if settings.ws_url:
        checks.append(_done("websocket", "takes a subscription to new heads", try_subscription, settings.ws_url))
    return checks, max((each.head for each in answering.values()), key=lambda head: head.number, default=None)


def _endpoint(number: int, url: str, chain_id: int, confirmations: Confirmations) -> tuple[Check, _Answering | None]:
    name, right = f"endpoint {number}", f"answers for chain {chain_id}"
    began = time.perf_counter()
    try:
        chain = Chain.connect(url, chain_id)
        head = chain.head()
        took = time.perf_counter() - began
        deep = chain.deep(head.number, confirmations)
    except (ChainError, InvalidInput) as error:
        return failed(name, error, right), None
    found = f"block {head.number} of {time_text(head.timestamp)}, in {took:.2f} s"
    return Check(name, True, found, right), _Answering(chain, head, max(0, deep))


def _heads(answering: Mapping[int, _Answering]) -> Iterator[Check]:
    best, right = max(each.head.number for each in answering.values()), f"within {HEADS_APART} blocks of the best"
    for number, each in answering.items():
        behind = best - each.head.number
        yield Check(f"endpoint {number}: head", behind <= HEADS_APART, f"{behind} behind", right)


def _blocks(answering: Mapping[int, _Answering]) -> Iterator[Check]:
    """Whether all have the same block where it is deep enough for each of them; what most have is taken for right."""
    block = min(each.deep for each in answering.values())
    hashes: dict[int, str] = {}
    for number, each in answering.items():
        try:
            hashes[number] = each.chain.block(block).hash
        except ChainError as error:
            yield failed(f"endpoint {number}: block {block}", error, "the hash that most have")
    most = Counter(hashes.values()).most_common(1)
    for number, found in hashes.items():
        yield Check(f"endpoint {number}: block {block}", found == most[0][0], found, most[0][0])


def _reads(number: int, each: _Answering, deployment: Deployment) -> Iterator[Check]:
    """What some leave out: logs, and the state of a block that is deep enough."""
    name, book = f"endpoint {number}", deployment.policy_book
    yield _done(
        f"{name}: logs", f"those from block {each.deep} on", each.chain.logs, [book], each.deep, each.head.number
    )
    yield _done(f"{name}: state", f"that of block {each.deep}", each.chain.nonce_at, book, each.deep)


def _probe(url: str, chain_id: int) -> None:
    require_url(url, "private_rpc_url")
    PrivateEndpoints([url], chain_id).probe()


def _done(name: str, right: str, act: Callable[..., object], *args: object) -> Check:
    try:
        act(*args)
    except (ChainError, InvalidInput) as error:
        return failed(name, error, right)
    return Check(name, True, right, right)
