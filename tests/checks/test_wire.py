"""The wire checks: they pass on what is checked in, and fail on what they must find."""

import json
import pathlib
import runpy
import shutil
import subprocess
import sys

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.message import Message
from lineal.v2beta1 import (
    artifact_pb2,
    experiment_pb2,
    healthz_pb2,
    pipeline_pb2,
    recurring_run_pb2,
    report_pb2,
    run_pb2,
)

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
CHECKS = CHECKOUT / "checks"
PROTOS = CHECKOUT / "api" / "proto"
STUBS = CHECKOUT / "clients" / "python"


def run_check(name: str, *arguments: str | pathlib.Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECKS / name, *arguments], capture_output=True, text=True, check=False)


def plant(file: pathlib.Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file.name} has {old!r} {text.count(old)} times"
    file.write_text(text.replace(old, new))


@pytest.fixture
def planted_protos(tmp_path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(PROTOS, tmp_path / "proto"))


@pytest.fixture
def planted_stubs(tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(STUBS / "lineal", tmp_path / "lineal", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_protos_agree_with_the_wire_contract() -> None:
    result = run_check("wire_contract.py")
    assert result.returncode == 0, result.stdout + result.stderr
    checked, rest = result.stdout.strip().split(" ", 1)
    assert rest == "facts checked, 0 differences"
    assert int(checked) > 400


@pytest.mark.parametrize(
    ("file", "old", "new", "found"),
    [
        ("artifact.proto", "string producer_key = 5;", "string producer_key = 4;", "producer_key: number is 4"),
        ("artifact.proto", "int64 iteration_index = 6;", "int32 iteration_index = 6;", "type is 'int32'"),
        ("task.proto", "    CACHED = 5;", "    CACHED = 6;", "PipelineTask.TaskState: values"),
        ("run.proto", "  int32 task_count = 22;", "  int32 count = 22;", "Run.task_count: missing"),
        (
            "run.proto",
            "  int32 task_count = 22;",
            "  int32 task_count = 22;\n  int32 x = 999;",
            "x: not in the contract",
        ),
        ("run.proto", 'get: "/apis/v2beta1/runs/{run_id}"}', 'get: "/runs/{run_id}"}', "RunService/GetRun: http"),
        ("report.proto", 'body: "workflow"', 'body: "*"', "ReportService/ReportWorkflow: http"),
    ],
)
def test_a_planted_difference_from_the_contract_is_found(
    planted_protos: pathlib.Path, file: str, old: str, new: str, found: str
) -> None:
    plant(planted_protos / "lineal" / "v2beta1" / file, old, new)
    result = run_check("wire_contract.py", planted_protos)
    assert result.returncode == 1
    assert found in result.stdout


def test_a_proto_that_does_not_compile_fails_the_wire_contract(planted_protos: pathlib.Path) -> None:
    plant(planted_protos / "lineal" / "v2beta1" / "run.proto", "message Run {", "message Run")
    result = run_check("wire_contract.py", planted_protos)
    assert result.returncode == 1
    assert "run.proto" in result.stderr


def test_the_stubs_equal_their_protos() -> None:
    result = run_check("stub_drift.py")
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith(" 0 differences\n")


def test_a_planted_change_of_the_clients_methods_is_found(tmp_path: pathlib.Path) -> None:
    for name in ("_rpcs.py", "_aio_rpcs.py"):
        shutil.copy(STUBS / "lineal" / name, tmp_path)
    plant(tmp_path / "_aio_rpcs.py", "async def get_run(", "async def got_run(")
    result = run_check("generate_client.py", "--check", tmp_path)
    assert result.returncode == 1
    assert "_aio_rpcs.py: differs from the protos; make proto writes it" in result.stdout
    assert "58 methods in 2 files, 1 differ" in result.stdout


def test_a_planted_change_of_a_stub_is_found(planted_stubs: pathlib.Path) -> None:
    plant(planted_stubs / "lineal" / "v2beta1" / "run_pb2.pyi", "class Run(", "class Running(")
    result = run_check("stub_drift.py", planted_stubs)
    assert result.returncode == 1
    assert result.stdout.startswith("v2beta1/run_pb2.pyi: differs from its proto\n")


def test_missing_and_left_over_stubs_are_found(planted_stubs: pathlib.Path) -> None:
    folder = planted_stubs / "lineal" / "v2beta1"
    (folder / "run_pb2.py").rename(folder / "walk_pb2.py")
    result = run_check("stub_drift.py", planted_stubs)
    assert result.returncode == 1
    assert result.stdout.startswith("v2beta1/run_pb2.py: missing\nv2beta1/walk_pb2.py: has no proto\n")


def test_generating_repairs_drifted_stubs(planted_stubs: pathlib.Path) -> None:
    folder = planted_stubs / "lineal" / "v2beta1"
    (folder / "run_pb2.py").rename(folder / "walk_pb2.py")
    assert run_check("generate.py", planted_stubs).returncode == 0
    assert run_check("stub_drift.py", planted_stubs).returncode == 0


def test_the_stubs_name_each_method_by_the_path_of_the_contract() -> None:
    modules = (artifact_pb2, run_pb2, experiment_pb2, pipeline_pb2, healthz_pb2, report_pb2, recurring_run_pb2)
    services = [service for module in modules for service in module.DESCRIPTOR.services_by_name.values()]
    names = {service.full_name for service in services}
    ours = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    files = json.loads((CHECKS / "wire" / "wire.json").read_text())["files"]
    facts = [service for file in files for service in file["services"] if service["full_name"] in names]
    assert len(facts) == 7
    assert ours == {method["grpc_path"] for service in facts for method in service["methods"]}


@pytest.mark.parametrize("stub", sorted((STUBS / "lineal").glob("v*/*_pb2.py")), ids=lambda stub: stub.stem)
def test_a_stub_accepts_protobuf_6_31_1(stub: pathlib.Path) -> None:
    assert "# Protobuf Python Version: 6.31.1\n" in stub.read_text()


def test_everything_in_the_protos_is_described(tmp_path: pathlib.Path) -> None:
    compiled = tmp_path / "descriptors.binpb"
    runpy.run_path(str(CHECKS / "generate.py"))["write_descriptor_set"](PROTOS, compiled)
    files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file
    ours = [file for file in files if file.name.startswith("lineal/")]
    bare = [name for file in ours for name in undescribed(file)]
    assert len(ours) == len(list(PROTOS.rglob("*.proto")))
    assert bare == []


def undescribed(file: descriptor_pb2.FileDescriptorProto) -> list[str]:
    described = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments.strip()}
    return [name for path, name in named(file, (), file.name) if path not in described]


def named(node: Message, path: tuple[int, ...], name: str) -> list[tuple[tuple[int, ...], str]]:
    """Every named thing below a descriptor, map entries and oneofs of optional fields left out."""
    found = []
    for field, value in node.ListFields():
        if field.name not in {"message_type", "enum_type", "service", "nested_type", "field", "value", "method"}:
            continue
        for index, child in enumerate(value):
            if field.name == "nested_type" and child.options.map_entry:
                continue
            place = (*path, field.number, index)
            found += [(place, f"{name}:{child.name}"), *named(child, place, f"{name}:{child.name}")]
    return found
