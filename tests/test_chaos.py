"""Whatever breaks, every owed amount is paid exactly once: six runs of what `make chaos` goes on with."""

import pytest

from tests.chaos.run import run


@pytest.mark.network
@pytest.mark.anvil
@pytest.mark.parametrize("seed", [101, 102, 103])
def test_after_a_chaotic_run_all_is_paid_once_and_mirror_pool_and_journal_agree(seed: int, database_url: str) -> None:
    wrong, told = run(seed, database_url)
    assert wrong == [], "\n".join(told)
