"""Settings: where they come from, what wins, what is refused, and that `config` prints what can be read back."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest

from server.config import Settings, load, setting_fields, variable_of
from storage.sql.dialects import dialect_for
from tests.cli.program import lineal

STRANGE = 'a "b" \\ü\U0001f600\x7f'

OTHER = {
    "bulk_items_max": 9_999,
    "store": "postgresql://db.example/lineal",
    "grpc": "[::1]:7001",
    "rest": "localhost:7002",
    "cors_origins": "https://ui.example, http://localhost:3000",
    "allowed_hosts": "lineal.example, *",
    "ui_url": "https://lineal.example/ui",
    "admin": "127.0.0.1:8890",
    "log_level": "error",
    "log_format": "text",
}


def another_value(name: str, default: Any) -> Any:
    """A value of a setting that is allowed and not its default."""
    if name in OTHER:
        return OTHER[name]
    if isinstance(default, bool):
        return not default
    return f"other {default}" if isinstance(default, str) else default + 1


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_flag(name: str, value: Any) -> list[str]:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", str(value)]


def configured(*arguments: str, **options: Any) -> dict[str, Any]:
    """What `config` prints, parsed."""
    done = lineal("config", *arguments, **options)
    assert done.exit_code == 0, done.stderr
    return tomllib.loads(done.stdout)


def test_without_settings_the_defaults_are_printed() -> None:
    assert configured() == dataclasses.asdict(Settings())


FREE = [setting for setting in setting_fields() if setting.name != "store_password_file"]
"""The settings whose values need nothing else, such as a file."""


@pytest.mark.parametrize("setting", FREE, ids=lambda setting: setting.name)
def test_a_flag_wins_over_a_variable_over_the_file_over_the_default(setting: Any, tmp_path: Path) -> None:
    name, first = setting.name, another_value(setting.name, setting.default)
    second = setting.default if isinstance(first, bool) else another_value(name, first)
    file = tmp_path / "settings.toml"
    needed = ["store = 'postgresql://db.example/lineal'"] if name == "workers" else []
    file.write_text("\n".join([*needed, f"{name} = {as_toml(first)}"]))
    named = ["--settings-file", str(file)]
    variable = {variable_of(name): as_text(second)}
    assert configured(*named)[name] == first
    assert configured(*named, environment=variable)[name] == second
    assert configured(*named, *as_flag(name, first), environment=variable)[name] == first


def as_toml(value: Any) -> str:
    return as_text(value) if not isinstance(value, str) else f"'{value}'"


def test_what_config_prints_can_be_given_back(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    chosen = {setting.name: another_value(setting.name, setting.default) for setting in FREE}
    chosen |= {"tag_name": STRANGE, "package_url_validation": True}  # which domains need
    given = [word for name, value in chosen.items() for word in as_flag(name, value)]
    printed = lineal("config", *given).stdout
    file.write_text(printed, encoding="utf-8")
    assert configured("--settings-file", str(file)) == tomllib.loads(printed)
    assert tomllib.loads(printed) == {**chosen, "store_password_file": ""}


def test_a_store_in_a_strange_folder_is_printed_so_that_it_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / STRANGE
    folder.mkdir()
    assert lineal("upgrade", "--store", f"sqlite:///{folder}/lineal.sqlite").exit_code == 0
    store = configured("--store", f"sqlite:///{folder}/lineal.sqlite")["store"]
    assert lineal("doctor", "--store", store).exit_code == 0


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_passwords_are_hidden(scheme: str) -> None:
    store = f"{scheme}://lineal:geheim%40x@db.example:1/lineal"
    for printed in (lineal("config", "--store", store), lineal("config", environment={"LINEAL_STORE": store})):
        assert "geheim" not in printed.output
        assert tomllib.loads(printed.stdout)["store"] == f"{scheme}://lineal:***@db.example:1/lineal"


BAD = [
    ("grpc", "nowhere"),
    ("grpc", ":1"),
    ("grpc", "127.0.0.1:99999"),
    ("grpc", "127.0.0.1:²"),
    ("rest", "127.0.0.1:http"),
    ("ui_url", "lineal.example"),
    ("ui_url", "https://"),
    ("ui_url", "https://user@lineal.example/"),
    ("ui_url", "https://lineal.example/?page=1"),
    ("ui_url", "javascript:alert(1)"),
    ("cors_origins", "ui.example"),
    ("allowed_hosts", "https://lineal.example"),
    ("workers", "0"),
    ("workers", "257"),
    ("pool_size", "0"),
    ("pool_size", "-1"),
    ("pool_timeout_seconds", "0"),
    ("drain_seconds", "nan"),
    ("drain_seconds", "inf"),
    ("drain_seconds", "-1"),
    ("message_bytes_max", "2147483648"),
    ("log_level", "loud"),
    ("log_format", "xml"),
    ("store", "oracle://db.example/lineal"),
    ("store", "lineal.sqlite"),
    ("store", "sqlite://"),
    ("store", "sqlite:///:memory:"),
    ("store", "mysql://db.example"),
    ("store", "postgresql://db.example:port/lineal"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_senseless_value_is_refused_with_a_sentence_that_names_the_setting(name: str, value: str) -> None:
    for done in (
        lineal("config", *as_flag(name, value)),
        lineal("doctor", environment={variable_of(name): value}),
        lineal("serve", *as_flag(name, value)),
    ):
        assert done.exit_code == 2
        assert done.stderr.startswith("lineal-server: ")
        assert done.stderr.count("\n") == 1
        assert name in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("pool_size", "many", "LINEAL_POOL_SIZE must be a number, not 'many'"),
        ("pool_size", "", "LINEAL_POOL_SIZE must be a number, not ''"),
        ("drain_seconds", "1s", "LINEAL_DRAIN_SECONDS must be a number, not '1s'"),
        ("reflection", "perhaps", "LINEAL_REFLECTION must be true or false"),
    ],
)
def test_a_variable_that_does_not_parse_is_named(name: str, value: str, sentence: str) -> None:
    done = lineal("config", environment={variable_of(name): value})
    assert (done.exit_code, done.stderr) == (2, f"lineal-server: {sentence}\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"pool_sise = 5", "has unknown settings: pool_sise"),
        (b"pool_size = '5'", "pool_size in the settings file must be a int"),
        (b"pool_size = true", "pool_size in the settings file must be a int"),
        (b"reflection = 1", "reflection in the settings file must be a bool"),
        (b"drain_seconds = inf", "drain_seconds must be a number greater than 0"),
        (b"pool_size =", "is not TOML"),
        (b"store = '\xff'", "is not TOML"),
    ],
)
def test_a_bad_settings_file_is_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(content)
    done = lineal("config", "--settings-file", str(file))
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        done = lineal("config", "--settings-file", str(path))
        assert done.exit_code == 2
        assert done.stderr.startswith(f"lineal-server: the settings file {path} cannot be read: ")


def test_a_whole_number_will_do_for_seconds(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("drain_seconds = 3")
    assert configured("--settings-file", str(file))["drain_seconds"] == 3.0


SERVER = "postgresql://lineal@db.example/lineal"


def test_the_settings_file_can_be_named_by_a_variable(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text("pool_size = 5")
    second.write_text("pool_size = 6")
    named = {"LINEAL_SETTINGS_FILE": str(first)}
    assert configured(environment=named)["pool_size"] == 5
    assert configured("--settings-file", str(second), environment=named)["pool_size"] == 6


@pytest.mark.parametrize("password", ["s3cret", "a/b@c:d?e#f%", "ü "])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_may_come_from_a_file(tmp_path: Path, password: str, end: str) -> None:
    file = tmp_path / "password"
    file.write_bytes((password + end).encode())
    settings = load({"store": SERVER, "store_password_file": str(file)}, environ={})
    assert dialect_for(settings.store).url.password == password
    chosen = ["--store", SERVER, "--store-password-file", str(file)]
    printed = lineal("config", *chosen)
    assert password not in printed.stdout + printed.stderr
    again = tmp_path / "again.toml"
    again.write_text(printed.stdout)
    assert load({}, file=str(again), environ={}) == settings


@pytest.mark.parametrize(
    ("store", "content", "sentence"),
    [
        (
            "postgresql://lineal:hidden@db.example/lineal",
            "s3cret",
            "has a password, and store_password_file names another",
        ),
        ("postgresql://db.example/lineal", "s3cret", "needs a user in the URL of the store"),
        ("sqlite:///x.sqlite", "s3cret", "is for a database server, but the store is a SQLite file"),
        (SERVER, "\n", "the file that store_password_file names is empty"),
        (SERVER, None, "the file that store_password_file names cannot be read: No such file or directory"),
    ],
)
def test_a_password_file_that_cannot_be_used_is_refused(
    tmp_path: Path, store: str, content: str | None, sentence: str
) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    done = lineal("config", "--store", store, "--store-password-file", str(file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "hidden" not in done.stderr
    assert str(file) not in done.stderr  # the password itself is easily given in place of the file


MISPLACED = [
    ["config", "postgresql://lineal:geh eim@db.example/lineal"],
    ["postgresql://lineal:geh eim@db.example/lineal"],
    ["config", "lineal:geh-eim@db.example"],
    ["config", "postgresql://db.example/lineal?sslpassword=geh-eim"],
    ["config", "--settings-file", "postgresql://lineal:geh-eim@db.example/lineal"],
    ["config", "--cors-origins", "https://lineal:geh-eim@ui.example"],
    ["config", "--allowed-hosts", "lineal:geh-eim@ui.example"],
    ["config", "--store", "postgresql://lineal@db.example/lineal?password=geh-eim"],
    ["config", "--store", "postgresq://lineal:geh-eim@db.example/lineal"],
    ["config", "--store", "postgresql://lineal:geh-eim@db.example:port/lineal"],
    ["config", "--grpc", "postgresql://lineal:geh-eim@db.example/lineal"],
    ["import-mlmd", "sqlite:///x", "mysql://lineal:geh eim@db.example/lineal"],
    ["import-mlmd", "mysql:/lineal:geh-eim@db.example/metadb"],
    ["import-mlmd", "sqlite:///x", "--kfp-db", "mysql:/lineal:geh-eim@db.example/mlpipeline"],
]


@pytest.mark.parametrize("words", MISPLACED, ids=" ".join)
def test_a_secret_in_the_wrong_place_is_not_repeated(words: list[str], tmp_path: Path) -> None:
    if words[0] == "import-mlmd":
        words = [*words, "--store", f"sqlite:///{tmp_path}/lineal.sqlite"]
    done = lineal(*words)
    assert done.exit_code in (1, 2)
    assert done.stderr
    assert "eim" not in done.output


def test_settings_do_not_show_the_store() -> None:
    assert "geheim" not in repr(Settings(store="postgresql://lineal:geheim@db.example/lineal"))


@pytest.mark.parametrize("password", ["p@ss", "p/ss", "p?ss", "p#ss", "p@ss/w?r#d"])
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_password_that_is_not_encoded_is_refused_and_not_shown(scheme: str, password: str) -> None:
    done = lineal("config", "--store", f"{scheme}://lineal:{password}@db.example/lineal")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "must be percent-encoded" in done.stderr
    assert "ss" not in done.stderr.replace("password", "")


def test_variables_that_are_no_settings_are_named_once_with_the_nearest() -> None:
    environment = {
        "LINEAL_POOL_SIZ": "5",
        "LINEAL_XYZZY": "1",
        "LINEAL_SERVICE_HOST": "10.0.0.1",
        "LINEAL_SERVICE_PORT_GRPC": "8887",
        "LINEAL_PORT": "tcp://10.0.0.1:8887",
        "LINEAL_UI_PORT_80_TCP_ADDR": "10.0.0.2",
        "LINEAL_LOG_LEVEL": "error",
    }
    done = lineal("config", environment=environment)
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [
        "lineal-server: not settings, and ignored: LINEAL_POOL_SIZ (did you mean LINEAL_POOL_SIZE?), LINEAL_XYZZY"
    ]


BOTH = "both would listen on the same address and port"


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--rest", "127.0.0.1:8887"], "rest must not be the address of grpc, 127.0.0.1:8887"),
        (["--admin", "127.0.0.1:8888"], "admin must not be the address of rest, 127.0.0.1:8888"),
        (["--rest", "0.0.0.0:8887"], f"rest is 0.0.0.0:8887, and grpc is 127.0.0.1:8887: {BOTH}"),
        (["--rest", "localhost:8887"], f"rest is localhost:8887, and grpc is 127.0.0.1:8887: {BOTH}"),
        (["--admin", "[::]:8888"], f"admin is [::]:8888, and rest is 127.0.0.1:8888: {BOTH}"),
    ],
)
def test_addresses_that_are_the_same_are_refused(flags: list[str], sentence: str) -> None:
    done = lineal("config", *flags)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"lineal-server: {sentence}\n"
    assert lineal("config", "--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0").exit_code == 0
    assert lineal("config", "--grpc", "127.0.0.1:7000", "--rest", "127.0.0.2:7000").exit_code == 0
    assert lineal("config", "--grpc", "0.0.0.0:7000", "--rest", "[::1]:7000").exit_code == 0


CONTRADICTIONS = [
    (["--page-size-default", "201"], "page_size_default is 201 and page_size_max is 200"),
    (["--message-bytes-max", "536870913"], "message_bytes_max is 536870913 and bytes_in_flight_max is 536870912"),
    (["--connections-per-peer-max", "501"], "connections_per_peer_max is 501 and http_connections_max is 500"),
    (["--cancel-grace-seconds", "1"], f"sweep_seconds is {Settings().sweep_seconds} and cancel_grace_seconds is 1.0"),
    (
        ["--no-package-url-validation", "--package-url-allowed-domains", "example.org"],
        "package_url_allowed_domains lists hosts, but package_url_validation is off",
    ),
]


@pytest.mark.parametrize(("flags", "sentence"), CONTRADICTIONS)
@pytest.mark.parametrize("command", ["config", "doctor", "serve"])
def test_settings_that_contradict_each_other_are_refused(command: str, flags: list[str], sentence: str) -> None:
    done = lineal(command, *flags)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"lineal-server: {sentence}")
    assert done.stderr.count("\n") == 1
