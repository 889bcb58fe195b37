"""What nodes mean by their errors: real wordings, as people have met them."""

from typing import Any

import pytest

from insure.chain.node_errors import allowed_blocks, asked_too_often

TOO_OFTEN = [
    {"code": 429, "message": "Your app has exceeded its compute units per second capacity."},
    {"code": -32005, "message": "daily request count exceeded, request rate limited"},
    {"code": -32007, "message": "50/second request limit reached - reduce calls per second or upgrade"},
    {"code": -32029, "message": "Too Many Requests"},
    {"code": -32016, "message": "over rate limit"},
    "Too many requests",
]

RANGES = [
    ({"code": -32005, "message": "query returned more than 10000 results"}, 5_000, None),
    ({"code": -32602, "message": "range 1000000 exceeds limit of 10000"}, 1_000_000, 10_000),
    ({"code": -32614, "message": "eth_getLogs is limited to a 10,000 range"}, 20_000, 10_000),
    ({"code": -32000, "message": "block range = 5120 is larger than max block range = 5000"}, 5_120, 5_000),
    ({"code": -32602, "message": "range 9009594 is bigger than range limit 2000"}, 9_009_594, 2_000),
    ({"code": -32000, "message": "requested too many blocks from 0 to 20000, maximum is set to 2048"}, 20_001, 2_048),
    ({"code": -32602, "message": "Log response size exceeded. this block range should work: [0x10, 0x1b]"}, 1_000, 12),
    ({"code": -32000, "message": "query exceeds max results 20000, retry with the range 24383075-24383096"}, 2_000, 22),
    ({"code": -32005, "message": "block range too large, max range: 1000"}, 5_000, 1_000),
    ({"code": -32000, "message": "exceed maximum block range: 50000"}, 60_000, 50_000),
]  # fmt: skip


@pytest.mark.parametrize("error", TOO_OFTEN)
def test_a_node_that_is_asked_too_often_is_understood(error: Any) -> None:
    assert asked_too_often(error)


@pytest.mark.parametrize("error, asked, allowed", RANGES)
def test_a_node_that_is_asked_for_too_much_is_not_asked_too_often_and_its_limit_is_taken(
    error: Any, asked: int, allowed: int | None
) -> None:
    assert not asked_too_often(error)
    assert allowed_blocks(error["message"], asked) == allowed


def test_a_limit_that_would_change_nothing_is_none() -> None:
    assert allowed_blocks("limited to 10000 blocks", 10_000) is None
    assert allowed_blocks("range limit 0", 100) is None
    assert allowed_blocks("query timeout exceeded", 100) is None


@pytest.mark.parametrize(
    "error", [{"code": 3, "message": "execution reverted"}, {"code": -32000}, {}, None, "nonce too low"]
)
def test_other_errors_are_neither(error: Any) -> None:
    assert not asked_too_often(error)
