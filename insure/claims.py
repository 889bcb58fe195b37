"""What policies are owed for incidents: the payoff and whom an incident counts for, as the policy book has it."""

from collections.abc import Iterable, Mapping, Sequence

from insure.records.onchain import Claim, Incident, Policy
from pricing_models import payoff

PolicyIncident = tuple[int, int]
"""Number of a policy, and of an incident within its trigger."""


def counts(policy: Policy, incident: Incident) -> bool:
    """Whether the policy covers the incident: in whole, if it began while the policy was in force."""
    began_in_force = policy.start <= incident.start < policy.end
    return policy.trigger_id == incident.trigger_id and incident.covered_seconds > 0 and began_in_force


def owed(policy: Policy, incident: Incident, failover_at: int | None, owed_elsewhere: int) -> int:
    """What a policy is owed for an incident as confirmed so far, in all; zero if the incident doesn't count.

    `failover_at` is when a failover was proven for it; it counts if that lies within the incident, both ends
    included. `owed_elsewhere` is what the policy is owed for its other incidents.
    """
    if not counts(policy, incident):
        return 0
    proven = failover_at is not None and incident.start <= failover_at <= incident.until
    return payoff.owed(policy.terms, incident.covered_seconds, proven, owed_elsewhere)


def due(
    policy: Policy,
    incidents: Iterable[Incident],
    failovers: Mapping[PolicyIncident, int],
    claimed: Iterable[Claim],
) -> list[Claim]:
    """The claims that would add something now, oldest incident first, as they stand after being made in this order.

    `failovers` are activation times. `claimed` is what was claimed so far, of which `paid` and `debt` stay: what a
    claim adds is `owed - paid - debt`.
    """
    if policy.released:
        return []
    before = {claim.sequence: claim for claim in claimed if claim.policy_id == policy.policy_id}
    total = sum(claim.owed for claim in before.values())
    found = []
    for incident in sorted(incidents, key=lambda incident: incident.sequence):
        known = before.get(incident.sequence, Claim(policy.policy_id, incident.sequence, 0, 0, 0))
        failover_at = failovers.get((policy.policy_id, incident.sequence))
        now_owed = owed(policy, incident, failover_at, total - known.owed)
        if now_owed > known.owed:
            total += now_owed - known.owed
            found.append(Claim(policy.policy_id, incident.sequence, now_owed, known.paid, known.debt))
    return found


def due_all(
    policies: Sequence[Policy],
    incidents: Iterable[Incident],
    failovers: Mapping[PolicyIncident, int],
    claimed: Iterable[Claim],
) -> list[Claim]:
    """`due` of all policies, in their order."""
    by_trigger: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_trigger.setdefault(incident.trigger_id, []).append(incident)
    by_policy: dict[int, list[Claim]] = {}
    for claim in claimed:
        by_policy.setdefault(claim.policy_id, []).append(claim)
    return [
        claim
        for policy in policies
        for claim in due(policy, by_trigger.get(policy.trigger_id, []), failovers, by_policy.get(policy.policy_id, []))
    ]
