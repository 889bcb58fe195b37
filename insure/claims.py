"""What policies are owed for incidents: the payoff and whom an incident counts for, as the policy book has it."""

from collections.abc import Iterable, Mapping, Sequence

from insure.records.onchain import Claim, Incident, Policy
from pricing_models import payoff

PolicyIncident = tuple[int, int]
"""Number of a policy, and of an incident within its trigger."""


def began(incident: Incident, incidents: Iterable[Incident]) -> int:
    """When the outage began: an incident that starts where the one before it ended is the same outage, cut in two.

    `incidents` are those of its trigger, in any order; those of which nothing was confirmed leave no trace.
    """
    start = incident.start
    earlier = (each for each in incidents if each.sequence < incident.sequence and each.covered_seconds > 0)
    for each in sorted(earlier, key=lambda each: each.sequence, reverse=True):
        if each.until != start:
            break
        start = each.start
    return start


def counts(policy: Policy, incident: Incident, incidents: Iterable[Incident] = ()) -> bool:
    """Whether the policy covers the incident: in whole, if it began while the policy was in force.

    Not if it goes on with one of `incidents` (its trigger's, itself among them or not) that began before the policy.
    """
    if policy.trigger_id != incident.trigger_id or incident.covered_seconds == 0:
        return False
    return incident.start < policy.end and policy.start <= began(incident, incidents)


def owed(
    policy: Policy,
    incident: Incident,
    failover_at: int | None,
    owed_elsewhere: int,
    incidents: Iterable[Incident] = (),
) -> int:
    """What a policy is owed for an incident as confirmed so far, in all; zero if it doesn't count (see `counts`).

    `failover_at` is when a failover was recorded for it; it counts from the incident's first second up to, not at, its
    end. `owed_elsewhere` is what the policy is owed for its other incidents.
    """
    if not counts(policy, incident, incidents):
        return 0
    proven = failover_at is not None and incident.start <= failover_at < incident.until
    return payoff.owed(policy.terms, covered_seconds(policy, incident), proven, owed_elsewhere)


def covered_seconds(policy: Policy, incident: Incident) -> int:
    """The incident's confirmed seconds outside the policy's excluded windows; `incident.spans` must be known then."""
    excluded = sum(
        max(0, min(span.until, window.until) - max(span.start, window.start))
        for window in policy.exclusions
        for span in incident.spans
    )
    return incident.covered_seconds - excluded


def due(
    policy: Policy,
    incidents: Iterable[Incident],
    failovers: Mapping[PolicyIncident, int],
    claimed: Iterable[Claim],
) -> list[Claim]:
    """The claims that would add something now, oldest incident first, as they stand after being made in this order.

    `incidents` are all of the policy's trigger.
    `failovers` are activation times. `claimed` is what was claimed so far, of which `paid` and `debt` stay: what a
    claim adds is `owed - paid - debt`.
    """
    if policy.released:
        return []
    before = {claim.sequence: claim for claim in claimed if claim.policy_id == policy.policy_id}
    total = sum(claim.owed for claim in before.values())
    found = []
    ordered = sorted(incidents, key=lambda incident: incident.sequence)
    for incident in ordered:
        known = before.get(incident.sequence, Claim(policy.policy_id, incident.sequence, 0, 0, 0))
        failover_at = failovers.get((policy.policy_id, incident.sequence))
        now_owed = owed(policy, incident, failover_at, total - known.owed, ordered)
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
