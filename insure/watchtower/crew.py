"""Posts observers and relays: which key looks at which subject, for which path."""

from collections.abc import Mapping, Sequence

from eth_account.signers.local import LocalAccount

from insure.chain.contracts import HeartbeatPath, WatcherPath
from insure.chain.rpc import Chain
from insure.chain.sender import Sender
from insure.errors import InvalidInput
from insure.records.deployment import Deployment
from insure.watchtower.observer import Observer
from insure.watchtower.probe import EvmProbe
from insure.watchtower.tower import Relay, Watchtower

Nodes = Mapping[str, Sequence[str]]
"""Addresses of independent nodes by subject id."""


def build_tower(
    chain: Chain, deployment: Deployment, accounts: Sequence[LocalAccount], nodes: Nodes, carrier: Sender
) -> Watchtower:
    """Each key watches, with connections of its own, every listed subject whose nodes are known, for its own path.

    Raises `InvalidInput` for a key that observes for no path of the deployment.
    """
    paths = [WatcherPath(chain, address) for address in deployment.watcher_paths.values()]
    members = {observer: path for path in paths for observer in path.observers()}
    subjects = [trigger.subject_id for trigger in deployment.triggers if trigger.subject_id in nodes]
    observers = []
    for account in accounts:
        if account.address not in members:
            raise InvalidInput(f"observer_keys: {account.address} observes for none of the deployment's watcher paths")
        path = members[account.address]
        observers += [Observer(account, path, subject, EvmProbe(nodes[subject])) for subject in subjects]
    return Watchtower(observers, carrier)


def build_relays(chain: Chain, deployment: Deployment, nodes: Nodes, relayer: Sender) -> list[Relay]:
    """For each heartbeat path that this key relays, the beats of every chain whose nodes are known."""
    paths = [HeartbeatPath(chain, address) for address in deployment.heartbeat_paths.values()]
    probes = {subject: EvmProbe(urls) for subject, urls in nodes.items()}
    return [Relay(path, probes, relayer) for path in paths if path.relayer() == relayer.address]
