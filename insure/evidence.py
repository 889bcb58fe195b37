"""What the paths of a trigger attest, and the incidents that follow, as the screens show them."""

from insure.chain.contracts import HeartbeatPath, IncidentBook, PolicyBook, WatcherPath
from insure.chain.rpc import Chain
from insure.errors import ChainError
from insure.records.deployment import Deployment, ListedTrigger
from insure.records.history import subject_key
from insure.records.onchain import Address, Bytes32, Incident, PathKind, Trigger
from insure.records.views import IncidentView, PathView, SubjectState, WatchView
from insure.store import Store

FOREVER = 2**64 - 1
"""What the book says where nobody has to pay for evidence."""


class Evidence:
    """Reads the paths now, and joins them with the mirrored incidents."""

    def __init__(self, chain: Chain, deployment: Deployment, store: Store, names: dict[str, str]) -> None:
        self._deployment = deployment
        self._store = store
        self._names = names
        self._book = IncidentBook(chain, deployment.incident_book)
        self._policies = PolicyBook(chain, deployment.policy_book)
        self._paths: dict[Address, WatcherPath | HeartbeatPath] = {
            address: WatcherPath(chain, address) for address in deployment.watcher_paths.values()
        }
        self._paths |= {address: HeartbeatPath(chain, address) for address in deployment.heartbeat_paths.values()}
        # a trigger never changes: read once
        self._triggers: dict[Bytes32, Trigger] = {}
        self._families: dict[Bytes32, list[int]] = {}

    def trigger(self, trigger_id: Bytes32) -> Trigger:
        """A trigger's content."""
        if trigger_id not in self._triggers:
            self._triggers[trigger_id] = self._book.trigger(trigger_id)
            self._families[trigger_id] = self._book.families(trigger_id)
        return self._triggers[trigger_id]

    def state(self, listed: ListedTrigger) -> SubjectState:
        """Whether cover on the trigger may be sold now, and if not, why."""
        if self._book.unsettled(listed.trigger_id):
            return SubjectState.INCIDENT
        if not self._book.quiet(listed.trigger_id):
            return SubjectState.ALARMED
        return SubjectState.QUIET if self._policies.listing(listed.trigger_id).open else SubjectState.CLOSED

    def paths(self, listed: ListedTrigger) -> tuple[PathView, ...]:
        """What each path of the trigger attests now, in the trigger's order."""
        trigger = self.trigger(listed.trigger_id)
        names = {address: name for name, address in listed.paths.items()}
        key = "0x" + subject_key(trigger.subject_id).hex()
        views = []
        for part, family in zip(trigger.paths, self._families[listed.trigger_id], strict=True):
            path = self._path(part.path)
            views.append(
                PathView(
                    path=part.path,
                    name=names.get(part.path, part.path),
                    kind=PathKind.ABSENCE if isinstance(path, HeartbeatPath) else PathKind.QUORUM,
                    family=family,
                    grace=part.grace,
                    alarmed=path.alarmed(key),
                    spells=tuple(path.spells(key)),
                )
            )
        return tuple(views)

    def watches(self) -> list[WatchView]:
        """Every listed trigger as its paths see its subject now."""
        return [self._watch(listed) for listed in self._deployment.triggers]

    def _watch(self, listed: ListedTrigger) -> WatchView:
        paths = self.paths(listed)
        members = self._book.members(listed.trigger_id)
        funded_until = self._book.sale_rules(listed.trigger_id).funded_until
        return WatchView(
            trigger_id=listed.trigger_id,
            subject_id=listed.subject_id,
            subject_name=self._names.get(listed.subject_id, listed.subject_id),
            quorum=self.trigger(listed.trigger_id).quorum,
            state=self.state(listed),
            paths=paths,
            silent=tuple(
                path.name for path, member in zip(paths, members, strict=True) if member.retired or member.silent_since
            ),
            funded_until=None if funded_until == FOREVER else funded_until,
        )

    def incidents(self) -> list[IncidentView]:
        """The mirrored incidents of the listed triggers with their evidence and payments, newest first."""
        views = []
        for listed in self._deployment.triggers:
            found = self._store.incidents(listed.trigger_id)
            if found:
                paths = self.paths(listed)
                views += [self._incident(listed, incident, paths) for incident in found]
        return sorted(views, key=lambda view: (-view.incident.proposed_at, -view.incident.sequence))

    def _incident(self, listed: ListedTrigger, incident: Incident, paths: tuple[PathView, ...]) -> IncidentView:
        trigger_id, sequence = listed.trigger_id, incident.sequence
        payments = [each for each in self._store.payments(trigger_id=trigger_id) if each.sequence == sequence]
        return IncidentView(
            incident=incident,
            subject_id=listed.subject_id,
            subject_name=self._names.get(listed.subject_id, listed.subject_id),
            quorum=self.trigger(trigger_id).quorum,
            paths=paths,
            spans=tuple(self._book.confirmed_spans(trigger_id, sequence)),
            checkpoints=tuple(self._store.checkpoints(trigger_id, sequence)),
            payments=tuple(payments),
            ended_at=self._ended_at(trigger_id, incident),
        )

    def _ended_at(self, trigger_id: Bytes32, incident: Incident) -> int | None:
        if incident.final_at:
            return incident.until or incident.proposed_at
        spans, may_grow = self._book.sweep(trigger_id)
        return None if may_grow or not spans else spans[-1].until

    def _path(self, address: Address) -> WatcherPath | HeartbeatPath:
        try:
            return self._paths[address]
        except KeyError:
            raise ChainError(f"path {address} of a listed trigger is not in the deployment's manifest") from None
