"""The recorded scenarios, and how one is replayed. The tests of this package call it."""

import gzip
import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor

from server.methods import FILES

DATA = Path(__file__).parent / "data"

_specification = importlib.util.spec_from_file_location("replay", DATA / "replay.py")
assert _specification is not None
assert _specification.loader is not None
replay: Any = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(replay)

_NO_PACKAGES = SimpleNamespace(address="http://127.0.0.1:0", files={})
"""No scenario of RunService and ArtifactService fetches anything."""


def scenario_lines(name: str) -> list[Any]:
    """Return the lines of a scenario, such as recorded/090_end_to_end; the first is its header."""
    return [json.loads(line) for line in gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).splitlines()]


def scenario_names(*, http: bool = False) -> list[str]:
    """Return the names of all scenarios that call gRPC only, or of those that call HTTP, in the order of recording."""
    paths = sorted(DATA.glob("*/*.jsonl.gz"))
    names = [f"{path.parent.name}/{path.name.removesuffix('.jsonl.gz')}" for path in paths]
    return [name for name in names if bool(scenario_lines(name)[0].get("http")) is http]


def scenario_names_needing_an_empty_store() -> list[str]:
    """Return the names of the scenarios that no other may precede."""
    return [name for name in scenario_names() if scenario_lines(name)[0].get("needs_fresh")]


def write_descriptors(path: Path) -> Path:
    """Write the descriptors of the served methods to a file, each after what it imports."""
    found: dict[str, FileDescriptor] = {}
    _collect(FILES, found)
    files = [descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb) for file in found.values()]
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=files).SerializeToString())
    return path


def _collect(files: Iterable[FileDescriptor], found: dict[str, FileDescriptor]) -> None:
    for file in files:
        if file.name not in found:
            _collect(file.dependencies, found)
            found[file.name] = file


def difference(client: Any, name: str) -> str | None:
    """Replay a scenario and return the first answer that differs, None when all agree; asks for our repairs too."""
    found: str | None = replay.Scenario(client, scenario_lines(name), _NO_PACKAGES, ours=True).run()
    return found
