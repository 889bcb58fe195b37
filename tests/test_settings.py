"""The environment as one value: everything wrong in it is told at once, and nothing secret is shown."""

from pathlib import Path

import pytest

from insure.errors import NotConfigured
from insure.settings import Settings


def problem(environment: dict[str, str], *require: str) -> str:
    with pytest.raises(NotConfigured) as caught:
        Settings.from_env(environment, require)
    return str(caught.value)


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings().host == "127.0.0.1"


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.from_env({"INSURE_PORT": "", "INSURE_RPC_URL": ""}) == Settings()


def test_every_value_has_its_type(tmp_path: Path) -> None:
    settings = Settings.from_env(
        {
            "INSURE_PORT": "9000",
            "INSURE_CONFIRMATIONS": "3",
            "INSURE_DATA": str(tmp_path),
            "INSURE_DEPLOYMENT": "elsewhere.json",
            "INSURE_RPC_URL": "http://127.0.0.1:8545",
            "INSURE_OBSERVER_KEYS": "0x01, 0x02\n0x03",
            "INSURE_SUBJECT_NODES": "eip155:10=http://a,http://b eip155:8453=https://c",
        }
    )
    assert (settings.port, settings.confirmations) == (9_000, 3)
    assert (settings.data, settings.deployment) == (tmp_path, Path("elsewhere.json"))
    assert settings.rpc_url == "http://127.0.0.1:8545"
    assert settings.observer_keys == ("0x01", "0x02", "0x03")
    assert settings.subject_nodes == {"eip155:10": ("http://a", "http://b"), "eip155:8453": ("https://c",)}


def test_the_depth_may_be_what_the_chain_itself_has_as_final() -> None:
    assert Settings.from_env({"INSURE_CONFIRMATIONS": "finalized"}).confirmations == "finalized"


def test_all_missing_names_are_told_at_once() -> None:
    told = problem({}, "rpc_url", "keeper_key")
    assert told == (
        "INSURE_RPC_URL (or INSURE_RPC_URL_FILE) is not set; INSURE_KEEPER_KEY (or INSURE_KEEPER_KEY_FILE) is not set"
    )


def test_what_is_wrong_is_told_with_what_is_missing() -> None:
    told = problem({"INSURE_PORT": "abc"}, "rpc_url")
    assert "INSURE_PORT: 'abc' is not a whole number" in told
    assert "INSURE_RPC_URL" in told


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("INSURE_PORT", "65536", "must be 0 to 65535"),
        ("INSURE_PORT", "-1", "whole number of at least 0"),
        ("INSURE_PORT", "80.5", "whole number of at least 0"),
        ("INSURE_CONFIRMATIONS", "-1", "whole number of at least 0 or finalized"),
        ("INSURE_LEAST_INTERIM_PAYMENT", "1.5", "whole number of at least 0"),
        ("INSURE_EXPENSE_FIXED", "-3", "whole number of at least 0"),
        ("INSURE_EXPENSE_PER_DAY", "1e3", "whole number of at least 0"),
        ("INSURE_DATA", "/no/such/folder", "/no/such/folder is no folder"),
        ("INSURE_SUBJECT_NODES", "eip155:10", "<subject>=<http address>"),
        ("INSURE_SUBJECT_NODES", "eip155:10=http://a,", "<subject>=<http address>"),
        ("INSURE_SUBJECT_NODES", "eip155:10=localhost:8545", "<subject>=<http address>"),
        ("INSURE_SUBJECT_NODES", "=http://a", "<subject>=<http address>"),
        ("INSURE_SUBJECT_NODES", "eip155:10=http://a eip155:10=http://b", "named twice"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_would_be_right(name: str, value: str, right: str) -> None:
    told = problem({name: value})
    assert told.startswith(f"{name}: ")
    assert right in told


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("0xabc\n")
    settings = Settings.from_env({"INSURE_KEEPER_KEY_FILE": str(secret)}, ("keeper_key",))
    assert settings.keeper_key == "0xabc"


def test_an_empty_file_leaves_what_is_required_missing(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("\n")
    told = problem({"INSURE_KEEPER_KEY_FILE": str(secret)}, "keeper_key")
    assert "INSURE_KEEPER_KEY" in told


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    told = problem({"INSURE_KEEPER_KEY_FILE": str(tmp_path / "none")})
    assert told.startswith("INSURE_KEEPER_KEY_FILE: ")
    assert "No such file" in told


def test_a_file_that_is_no_text_is_named_and_not_quoted(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_bytes(b"\xff\xfe\x00secret")
    told = problem({"INSURE_KEEPER_KEY_FILE": str(secret)})
    assert told == f"INSURE_KEEPER_KEY_FILE: {secret} is no text"


def test_what_is_printed_of_the_settings_holds_no_secret() -> None:
    hidden = "s3cret"
    shown = repr(
        Settings.from_env(
            {
                f"INSURE_{name}": value
                for name, value in {
                    "RPC_URL": f"https://node.example/{hidden}",
                    "PRIVATE_RPC_URL": f"https://node.example/{hidden}",
                    "WS_URL": f"wss://node.example/{hidden}",
                    "DATABASE_URL": f"postgresql://insure:{hidden}@db/insure",
                    "UNDERWRITER_KEY": hidden,
                    "KEEPER_KEY": hidden,
                    "RELAYER_KEY": hidden,
                    "DEPLOYER_KEY": hidden,
                    "OBSERVER_KEYS": hidden,
                    "SUBJECT_NODES": f"eip155:10=https://node.example/{hidden}",
                }.items()
            }
        )
    )
    assert hidden not in shown
