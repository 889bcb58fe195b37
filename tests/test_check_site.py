"""What `insure check` says of this machine: endpoints, clock, keys and their files, database."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from insure.chain.embedded import ServedChain, serve
from insure.ops.check_site import CLOCK_AHEAD_SECONDS, check_site
from insure.ops.checking import Check
from insure.records.deployment import Deployment
from insure.settings import Settings, secret_files
from insure.store import Store
from insure.watcher import Watcher
from tests.local_installation import Local, install, keys

pytestmark = pytest.mark.network


@dataclass
class Site:
    local: Local
    served: ServedChain
    settings: Settings

    @property
    def deployment(self) -> Deployment:
        return self.local.deployment

    def checks(
        self, now: int | None = None, environment: dict[str, str] | None = None, **changes: object
    ) -> dict[str, Check]:
        settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        at = self.local.now() if now is None else now
        return {each.name: each for each in check_site(settings, self.deployment, at, secret_files(environment or {}))}

    def wrong(
        self, now: int | None = None, environment: dict[str, str] | None = None, **changes: object
    ) -> dict[str, str]:
        return {name: each.found for name, each in self.checks(now, environment, **changes).items() if not each.ok}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    local = install()
    folder = tmp_path_factory.mktemp("site")
    with serve(local.chain) as served:
        url = f"sqlite:///{folder / 'insure.sqlite'}"
        yield Site(local, served, Settings(rpc_url=served.url, database_url=url))


def key_of(local: Local, account: int) -> str:
    return "0x" + bytes(local.chain.accounts[account].key).hex()


def test_without_keys_the_endpoint_the_clock_and_a_database_to_come_are_right(site: Site) -> None:
    found = site.checks()
    assert all(each.ok for each in found.values()), found
    assert list(found) == ["endpoint 1", "endpoint 1: logs", "endpoint 1: state", "clock", "database: schema"]
    assert "block" in found["endpoint 1"].found
    assert not Path(site.settings.database_url.removeprefix("sqlite:///")).exists(), "a check changes nothing"


def test_a_clock_that_is_behind_the_chain_is_told(site: Site) -> None:
    last = site.local.now()
    assert site.wrong(now=last - CLOCK_AHEAD_SECONDS) == {}
    slow = site.wrong(now=last - CLOCK_AHEAD_SECONDS - 1)
    assert slow == {"clock": "the last block is 16 s ahead of it"}
    assert site.wrong(now=last + 10**6) == {}, "a chain may stand still"


def test_keys_that_can_do_their_work_are_right(site: Site) -> None:
    found = site.checks(
        keeper_key=key_of(site.local, 5),
        relayer_key=key_of(site.local, 2),
        underwriter_key=key_of(site.local, 1),
        observer_keys=tuple("0x" + bytes(each.key).hex() for each in keys(10, 3)),
    )
    assert all(each.ok for each in found.values()), found
    assert sum(name.startswith("observer ") for name in found) == 3
    assert "relayer: of heartbeat" in found
    assert "0x" + bytes(keys(10, 1)[0].key).hex() not in str(found)


def test_each_key_that_can_not_is_named_with_what_it_lacks(site: Site) -> None:
    poor = "0x" + "07" * 32
    wrong = site.wrong(keeper_key=poor, relayer_key=poor, underwriter_key=poor, observer_keys=(poor,))
    assert sorted(name.split(" ")[0] for name in wrong) == [
        "keeper",
        "observer",
        "relayer",
        "relayer:",
        "relayer:",
        "underwriter",
    ]
    assert {found for name, found in wrong.items() if name.endswith("gas")} == {"0 wei"}


def test_a_file_with_a_key_that_others_can_read_is_named(site: Site, tmp_path: Path) -> None:
    open_file, shut_file = tmp_path / "open", tmp_path / "shut"
    for file, mode in ((open_file, 0o640), (shut_file, 0o600)):
        file.write_text("x")
        file.chmod(mode)
    environment = {
        "INSURE_KEEPER_KEY_FILE": str(open_file),
        "INSURE_ALERT_SECRET_FILE": str(shut_file),
        "INSURE_RPC_URL_FILE": str(open_file),
    }
    assert site.wrong(environment=environment) == {"INSURE_KEEPER_KEY_FILE: mode": "640"}


def test_an_old_schema_and_another_installations_mirror_are_told(
    site: Site, empty_database_url: str, tmp_path: Path
) -> None:
    store = Store(empty_database_url).create("r0003")
    assert site.wrong(database_url=empty_database_url) == {"database: schema": "r0003"}
    assert store.revision() == "r0003", "a check changes nothing"
    store.create()
    store.bind("somebody else's", [])
    assert site.wrong(database_url=empty_database_url) == {"database: mirrors": "somebody else's"}
    store.close()
    assert site.wrong(database_url=f"sqlite:///{tmp_path}/none/at/all.sqlite") == {}, "not made yet"
    assert site.wrong(database_url="nonsense").keys() == {"database: opens"}


def test_a_mirror_says_how_far_behind_it_is(site: Site, database_url: str) -> None:
    store = Store(database_url).create()
    Watcher(site.local.chain, store, site.deployment, confirmations=2).run()
    store.close()
    found = site.checks(database_url=database_url)
    assert found["database: mirror"] == Check(
        "database: mirror", True, "2 blocks behind the head", "not ahead of the chain"
    )
    assert found["database: mirrors"].ok
