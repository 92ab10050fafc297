"""The recorded scenarios, and how one is replayed. The tests of this package call it."""

import gzip
import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor

from server.apis.kfp.methods import FILES

DATA = Path(__file__).parent / "data"

_specification = importlib.util.spec_from_file_location("replay", DATA / "replay.py")
assert _specification is not None
assert _specification.loader is not None
replay: Any = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(replay)

_packages: list[Any] = []


def scenario_lines(name: str) -> list[Any]:
    """Return the lines of a scenario, such as recorded/090_end_to_end; the first is its header."""
    return [json.loads(line) for line in gzip.decompress((DATA / f"{name}.jsonl.gz").read_bytes()).splitlines()]


def scenario_names() -> list[str]:
    """Return the names of all scenarios, in the order of recording."""
    paths = sorted(DATA.glob("*/*.jsonl.gz"))
    return [f"{path.parent.name}/{path.name.removesuffix('.jsonl.gz')}" for path in paths]


def scenario_names_needing_an_empty_store() -> list[str]:
    """Return the names of the scenarios that no other may precede."""
    return [name for name in scenario_names() if scenario_lines(name)[0].get("needs_fresh")]


def scenario_names_with_unchecked_urls() -> list[str]:
    """Return the names of the scenarios that need the guard on package URLs switched off."""
    return [name for name in scenario_names() if scenario_lines(name)[0].get("url_check") == "off"]


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
    if not _packages:  # one server of package files on loopback serves all scenarios
        _packages.append(replay.Packages())
    found: str | None = replay.Scenario(client, scenario_lines(name), _packages[0], ours=True).run()
    return found
