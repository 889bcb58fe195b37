"""What is sold on an installation, against what its manifest says: triggers, listings, scenarios, underwriters."""

from collections.abc import Iterable, Iterator
from dataclasses import fields

from insure.chain.codec import word
from insure.chain.contracts import CoverPool, IncidentBook, PolicyBook
from insure.chain.rpc import Chain
from insure.ops.checking import Check, compared, history
from insure.records.deployment import Deployment, ListedTrigger
from insure.records.history import subject_key
from insure.records.onchain import Address, Bytes32, Listing


def rules(chain: Chain, deployment: Deployment) -> Iterator[Check]:
    """Every trigger with its bounds of sale, every scenario with its subjects, every underwriter with its cap.

    The contracts keep no list of them that could be asked for; their logs since the deployment tell whether there are
    more than the manifest's.
    """
    policies, since = PolicyBook(chain, deployment.policy_book), deployment.block
    book = IncidentBook(chain, deployment.incident_book)
    for trigger in deployment.triggers:
        yield from _trigger(book, policies, trigger)
    listed = sorted(trigger.trigger_id for trigger in deployment.triggers)
    yield compared("triggers: every one listed", listed, _every_listed, policies, since)
    yield from _scenarios(CoverPool(chain, deployment.cover_pool), deployment)
    for underwriter, cap in deployment.underwriters.items():
        yield compared(f"underwriter {underwriter}: cap", cap, _cap, policies, underwriter)
    yield compared("underwriters: every one", sorted(deployment.underwriters), _every_underwriter, policies, since)


def _trigger(book: IncidentBook, policies: PolicyBook, listed: ListedTrigger) -> Iterator[Check]:
    name = f"trigger on {listed.subject_id}"
    # the id is the hash of the content: the same id is the same rules
    yield compared(f"{name}: content hash", listed.trigger_id, _content_hash, book, listed.trigger_id)
    yield compared(f"{name}: subject", listed.subject_id, _subject, book, listed.trigger_id)
    yield compared(f"{name}: paths", list(listed.paths.values()), _paths, book, listed.trigger_id)
    right = _bounds(listed.listing) if listed.listing else "bounds in the manifest"
    yield compared(f"{name}: listing", right, _listing, policies, listed.trigger_id)


def _every_listed(policies: PolicyBook, since: int) -> list[Bytes32]:
    return sorted({args["triggerId"] for _, args in history(policies, since, "TriggerListed")})


def _every_underwriter(policies: PolicyBook, since: int) -> list[Address]:
    caps = {args["underwriter"]: args["cap"] for _, args in history(policies, since, "UnderwriterSet")}
    return sorted(underwriter for underwriter, cap in caps.items() if cap)


def _content_hash(book: IncidentBook, trigger_id: Bytes32) -> Bytes32:
    return book.trigger_id(book.trigger(trigger_id))


def _subject(book: IncidentBook, trigger_id: Bytes32) -> str:
    return book.trigger(trigger_id).subject_id


def _paths(book: IncidentBook, trigger_id: Bytes32) -> list[Address]:
    return [each.path for each in book.trigger(trigger_id).paths]


def _listing(policies: PolicyBook, trigger_id: Bytes32) -> str:
    return _bounds(policies.listing(trigger_id))


def _bounds(listing: Listing) -> str:
    return ", ".join(f"{each.name} {getattr(listing, each.name)}" for each in fields(listing))


def _cap(policies: PolicyBook, underwriter: Address) -> int:
    return policies.underwriter_limits(underwriter)[0]


def _scenarios(pool: CoverPool, deployment: Deployment) -> Iterator[Check]:
    named = list(deployment.scenarios.items())
    yield compared("scenarios: how many", len(named), pool.scenario_count)
    yield compared("scenarios: their names", [name for name, _ in named], _scenario_names, pool, deployment.block)
    known = {member for _, members in named for member in members}
    for number, (name, members) in enumerate(named):
        found = f"scenario {name}: its subjects"
        yield compared(found, sorted(members), _scenario_members, pool, deployment.block, number, known)


def _scenario_names(pool: CoverPool, since: int) -> list[str]:
    return [args["name"] for _, args in history(pool, since, "ScenarioAdded")]


def _scenario_members(pool: CoverPool, since: int, number: int, known: Iterable[str]) -> list[str]:
    """Its subjects, by the log and, each, by the pool itself; of those that are not known their keys."""
    names = {word(subject_key(subject)): subject for subject in known}
    members = {args["subject"] for _, args in history(pool, since, "ScenarioMember") if args["scenario"] == number}
    return sorted(names.get(key, key) for key in members if number in pool.scenarios_of(key))
