"""The checks over the contracts that decide: what slither found and what the tests reach."""

from typing import Any

from contracts.coverage import read_lcov, shares
from contracts.findings import findings, outdated, unexplained

REASONS = {"timestamp": {"*": "hours"}, "dead-code": {"Pool._hook": "called by the library", "Pool._old": "gone"}}


def element(name: str, kind: str, parent: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "type": kind, "type_specific_fields": {"parent": parent} if parent else {}}


def report(*found: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "results": {
            "detectors": [{"check": check, "elements": [where], "description": "told"} for check, where in found]
        }
    }


POOL = element("Pool", "contract")
HOOK = element("_hook", "function", POOL)


def test_a_finding_is_named_by_contract_and_function_whatever_line_or_local_it_points_at() -> None:
    line, local = element("x = 1", "node", HOOK), element("count", "variable", HOOK)
    found = findings(report(("a", HOOK), ("b", line), ("c", local), ("d", element("_sum", "variable", POOL))))
    assert set(found) == {("a", "Pool._hook"), ("b", "Pool._hook"), ("c", "Pool._hook"), ("d", "Pool._sum")}


def test_what_no_reason_is_given_for_is_told_and_what_is_gone_too() -> None:
    new = element("pay", "function", POOL)
    found = findings(report(("timestamp", new), ("dead-code", HOOK), ("dead-code", new), ("reentrancy", new)))
    assert unexplained(found, REASONS) == ["[dead-code] Pool.pay: told", "[reentrancy] Pool.pay: told"]
    assert outdated(found, REASONS) == ["[dead-code] Pool._old"]


LCOV = """SF:src/Pool.sol
DA:10,4
DA:11,0
BRDA:10,0,0,3
BRDA:10,0,1,-
BRDA:12,1,0,0
end_of_record
SF:test/Pool.t.sol
DA:1,0
end_of_record
"""


def test_coverage_counts_lines_and_branches_of_the_sources_alone() -> None:
    files = read_lcov(LCOV)
    assert list(files) == ["src/Pool.sol"]
    assert files["src/Pool.sol"].missed == ["line 11", "a branch of line 10", "a branch of line 12"]
    assert shares(files) == {"lines": 50.0, "branches": 100.0 / 3}
