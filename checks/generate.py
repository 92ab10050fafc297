"""Compiles the protos under api/proto into the Python stubs. Called by `make proto`.

The same protos and the same grpcio-tools give the same bytes; stub_drift.py and wire_contract.py rely on it.
"""

import argparse
import importlib.resources
import pathlib

from google.api import annotations_pb2
from grpc_tools import protoc

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
PROTO_ROOT = CHECKOUT / "api" / "proto"
STUB_ROOT = CHECKOUT / "clients" / "python"
PACKAGES = (pathlib.PurePath("lineal", "v1"), pathlib.PurePath("lineal", "v2beta1"))


def main() -> None:
    """Write the stubs to the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=STUB_ROOT, help="default: the checked-in stubs")
    write_stubs(PROTO_ROOT, parser.parse_args().out)


def write_stubs(proto_root: pathlib.Path, out: pathlib.Path) -> None:
    """Write the stubs of all protos below `out`, remove those without a proto. Raises SystemExit on a bad proto."""
    out.mkdir(parents=True, exist_ok=True)
    _compile(proto_root, f"--python_out={out}", f"--pyi_out={out}")
    protos = {path.with_suffix("") for path in _protos_below(proto_root)}
    for stub in stubs_below(out).values():
        if stub.relative_to(out).with_name(stub.stem.removesuffix("_pb2")) not in protos:
            stub.unlink()


def write_descriptor_set(proto_root: pathlib.Path, file: pathlib.Path) -> None:
    """Write all protos with their imports and comments as one FileDescriptorSet. Raises SystemExit on a bad proto."""
    _compile(proto_root, "--include_imports", "--include_source_info", f"--descriptor_set_out={file}")


def stubs_below(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the generated files below `root` by their paths below the package `lineal`, in order of path."""
    paths = [path for package in PACKAGES for path in sorted((root / package).glob("*_pb2.py*"))]
    return {path.relative_to(root / PACKAGES[0].parent).as_posix(): path for path in paths}


def _protos_below(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path.relative_to(root) for package in PACKAGES for path in (root / package).glob("*.proto"))


def _compile(proto_root: pathlib.Path, *outputs: str) -> None:
    googleapis = pathlib.Path(annotations_pb2.__file__).parents[2]
    protobuf = importlib.resources.files("grpc_tools") / "_proto"
    files = [path.as_posix() for path in _protos_below(proto_root)]
    includes = [f"--proto_path={folder}" for folder in (proto_root, googleapis, protobuf)]
    if protoc.main(["protoc", *includes, *outputs, *files]) != 0:
        raise SystemExit("protoc refused the protos")


if __name__ == "__main__":
    main()
