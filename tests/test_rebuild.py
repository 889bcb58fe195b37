"""The mirror held against the chain: equal after everything that happens, and mended when it is not."""

import pytest
from sqlalchemy import text

from insure.rebuild import compare, reread
from tests.local_installation import install
from tests.sold_cover import Sold, sell


@pytest.fixture(scope="module")
def sold() -> Sold:
    """A policy sold, and all of it mirrored."""
    made = sell(install())
    made.local.installation.watcher.run()
    return made


def test_a_mirror_is_what_the_chain_says(sold: Sold) -> None:
    local = sold.local
    assert compare(local.chain, local.installation.store, local.deployment) == []


def test_what_was_changed_by_hand_is_told_and_mended(sold: Sold) -> None:
    local = sold.local
    store = local.installation.store
    with store.alone() as connection:
        connection.execute(text("UPDATE policies SET holder = '0x0000000000000000000000000000000000000001'"))
    assert compare(local.chain, store, local.deployment) == [
        "policies: 1 in the mirror, 1 on the chain, differing from number 0 on"
    ]
    assert reread(local.chain, store, local.deployment, 0) == len(store.logs()) > 0
    assert compare(local.chain, store, local.deployment) == []


def test_a_mirror_of_a_branch_that_was_left_is_told(sold: Sold) -> None:
    local = sold.local
    store = local.installation.store
    with store.alone() as connection:
        connection.execute(text("UPDATE cursors SET hash = :hash"), {"hash": "0x" + "ab" * 32})
    [told] = compare(local.chain, store, local.deployment)
    assert told.startswith("block ") and "0x" + "ab" * 32 in told
    reread(local.chain, store, local.deployment, 0)


def test_an_empty_mirror_is_told(sold: Sold) -> None:
    local = sold.local
    store = local.installation.store
    store.roll_back(store.cursor(), None)
    assert compare(local.chain, store, local.deployment) == ["the mirror is empty"]
    reread(local.chain, store, local.deployment, 0)
