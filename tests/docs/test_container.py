"""The Dockerfile and the compose file fit the program: names, ports, settings, users, volumes.

No engine runs here. Where Docker's client has its compose plugin, that reads the compose file; elsewhere PyYAML does.
"""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.config import Settings, load, setting_fields, variable_of
from storage.sql.dialects.mysql import MIN_PACKET_BYTES
from tests.docs.pages import CHECKOUT, DOCS
from tests.faults.cluster import serving

COMPOSE = CHECKOUT / "docker-compose.yaml"
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
PROFILES = {"": {"lineal"}, "postgresql": {"lineal-postgresql", "postgresql"}, "mysql": {"lineal-mysql", "mysql"}}
SERVERS = ("lineal", "lineal-postgresql", "lineal-mysql")
VARIABLES = {variable_of(each.name) for each in setting_fields()}
DEFAULT_VALUE = re.compile(r"\$\{\w+:-([^}]*)\}")


def has_compose() -> bool:
    command = ["docker", "compose", "version"]
    return shutil.which("docker") is not None and subprocess.run(command, capture_output=True).returncode == 0


def services(profile: str) -> dict[str, Any]:
    """The services that a profile starts, as compose sees them, or as they stand in the file."""
    if has_compose():
        command = ["docker", "compose", "--file", str(COMPOSE), "--profile", profile, "config", "--format", "json"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(done.stdout)["services"]
        return found
    document = yaml.safe_load(DEFAULT_VALUE.sub(r"\1", COMPOSE.read_text()))
    return {
        name: service
        for name, service in document["services"].items()
        if not service.get("profiles") or profile in service["profiles"]
    }


def instructions(name: str) -> list[str]:
    """The arguments of the Dockerfile's instructions of one kind, continued lines joined."""
    return re.findall(rf"^{name} +(.*)$", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def image_environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(instructions("ENV"))))


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_its_services(profile: str) -> None:
    assert set(services(profile)) == PROFILES[""] | PROFILES[profile]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_settings_of_a_service_make_sense(profile: str) -> None:
    for name, service in services(profile).items():
        if name in SERVERS:
            environment = image_environment() | (service.get("environment") or {})
            assert {key for key in environment if key.startswith("LINEAL_")} <= VARIABLES
            settings = load({}, environ=environment)
            scheme = {"": "sqlite", **{each: each for each in PROFILES if each}}[name.partition("-")[2]]
            assert settings.store.startswith(f"{scheme}://")
            assert settings.upgrade or scheme == "sqlite"


@pytest.mark.parametrize("profile", PROFILES)
def test_ports_are_published_to_loopback_only_and_never_twice(profile: str) -> None:
    published = []
    for name, service in services(profile).items():
        ports = [port_of(each) for each in service.get("ports", ())]
        assert [container for _, _, container in ports] == (["8887", "8888"] if name in SERVERS else [])
        assert {address for address, _, _ in ports} <= {"127.0.0.1"}
        published += [host for _, host, _ in ports]
    assert len(set(published)) == len(published)


def port_of(published: Any) -> tuple[str, str, str]:
    """Address and port on the host, port in the container."""
    if isinstance(published, dict):
        return published["host_ip"], published["published"], str(published["target"])
    address, host, container = published.split(":")
    return address, host, container


@pytest.mark.parametrize("profile", [each for each in PROFILES if each])
def test_a_server_waits_for_its_healthy_database(profile: str) -> None:
    found = services(profile)
    assert found[f"lineal-{profile}"]["depends_on"][profile]["condition"] == "service_healthy"
    assert found[profile]["healthcheck"]["test"][0] == "CMD"
    assert any(volume for volume in found[profile]["volumes"])


def test_a_container_is_given_longer_than_draining_takes() -> None:
    for name in SERVERS:
        assert services(name.partition("-")[2])[name]["stop_grace_period"] == "20s"
    assert Settings().drain_seconds < 20


def test_the_database_takes_the_largest_values() -> None:
    assert services("mysql")["mysql"]["command"] == [f"--max-allowed-packet={MIN_PACKET_BYTES}"]


def test_the_ports_in_operations_are_those_of_the_compose_file() -> None:
    text = (DOCS / "operations.md").read_text()
    for name in SERVERS:
        ports = ", ".join(port_of(each)[1] for each in services(name.partition("-")[2])[name]["ports"])
        assert f"| `{name}` | {ports} |" in text


def test_what_the_image_copies_is_there_and_reaches_the_builder() -> None:
    allowed = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [source for line in instructions("COPY") if "--from" not in line for source in line.split()[:-1]]
    assert set(copied) == allowed
    assert [source for source in copied if not (CHECKOUT / source).exists()] == []


def test_the_image_runs_the_server_as_nobody_in_particular() -> None:
    assert len(set(instructions("FROM"))) == 2
    assert {line.split()[0] for line in instructions("FROM")} == {"python:3.11-slim-bookworm"}
    [user] = instructions("USER")
    assert int(user) > 0
    assert f"--uid {user}" in DOCKERFILE
    assert instructions("ENTRYPOINT") == ['["lineal-server"]']
    assert instructions("CMD")[-1] == '["serve"]'
    assert instructions("EXPOSE") == ["8887 8888"]


def test_the_image_serves_on_all_addresses_and_keeps_data_in_its_volume() -> None:
    settings = load({}, environ=image_environment())
    [volume] = instructions("VOLUME")
    assert (settings.grpc, settings.rest) == ("0.0.0.0:8887", "0.0.0.0:8888")
    assert settings.store == f"sqlite:///{volume}/lineal.sqlite"


def test_the_health_check_tells_a_living_server_from_none(tmp_path: Path) -> None:
    [check] = re.findall(r"HEALTHCHECK.*CMD (\[.*\])", DOCKERFILE.replace("\\\n", " "))
    program, *arguments = ast.literal_eval(check)
    assert program == "python"
    with serving(f"sqlite:///{tmp_path}/lineal.sqlite") as server:
        command = [sys.executable, *(each.replace("127.0.0.1:8888", server.rest) for each in arguments)]
        assert command != [sys.executable, *arguments]
        assert subprocess.run(command, capture_output=True).returncode == 0
    assert subprocess.run(command, capture_output=True).returncode == 1
