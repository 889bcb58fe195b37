"""The options by which a cover is described on the command line."""

from typing import Annotated

import typer

from insure.errors import InvalidInput
from insure.records.units import parse_amount, parse_duration, parse_rate
from pricing_models.payoff import Semantics, Terms

SubjectOption = Annotated[str, typer.Option(help="CAIP-2 id, slug or alias, such as eip155:42161 or arbitrum-one.")]
WaitingOption = Annotated[str, typer.Option(help="Waiting period, such as 30m or 8h.")]
SemanticsOption = Annotated[str, typer.Option(help="retention pays the excess, qualifying all of it.")]
RateOption = Annotated[str, typer.Option(help="Paid for downtime, in the asset, such as 1000/h.")]
IncidentLimitOption = Annotated[str, typer.Option(help="Most that one incident pays.")]
AggregateLimitOption = Annotated[str, typer.Option(help="Most that all pay; twice the incident limit if empty.")]
FailoverOption = Annotated[str, typer.Option(help="Lump sum on a proven failover.")]
TermOption = Annotated[str, typer.Option(help="How long cover lasts, such as 90d.")]


def read_terms(
    waiting: str,
    semantics: str,
    rate: str,
    incident_limit: str,
    aggregate_limit: str,
    failover_benefit: str,
    decimals: int,
) -> Terms:
    """The terms in whole units of an asset with `decimals`; raises `InvalidInput` naming the option."""
    if semantics not in set(Semantics):
        raise InvalidInput(f"--semantics is {semantics!r}: must be {' or '.join(Semantics)}")
    limit = parse_amount("--incident-limit", incident_limit, decimals)
    return Terms(
        waiting_seconds=parse_duration("--waiting", waiting),
        semantics=Semantics(semantics),
        rate_per_second=parse_rate("--rate", rate, decimals),
        failover_benefit=parse_amount("--failover-benefit", failover_benefit, decimals),
        incident_limit=limit,
        aggregate_limit=parse_amount("--aggregate-limit", aggregate_limit, decimals) if aggregate_limit else 2 * limit,
    )
