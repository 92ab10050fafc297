"""Compares the checked-in OpenAPI document with the protos and descriptors, or writes it. Called by `make`.

There are two copies of the document: api/openapi.json for readers, and one in the server's package for the server to send.
Prints one line per file that differs; exits with status 1 if there is one. `make openapi` updates them.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from generate import CHECKOUT, PROTO_ROOT, write_descriptor_set
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from openapi_document.comments import MissingComment, read_comments
from openapi_document.document import document

from server.apis.kfp.methods import METHODS

FILES = ("api/openapi.json", "server/static/openapi.json")


def main() -> int:
    """Return 0 if the files were written or are up to date, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=CHECKOUT, help="default: this one")
    parser.add_argument("--write", action="store_true", help="write the document instead of comparing it")
    arguments = parser.parse_args()
    try:
        text = document_text()
    except MissingComment as error:
        print(f"{error}: add one in api/proto, since it is shown in the OpenAPI document")
        return 1
    if arguments.write:
        for name in FILES:
            (arguments.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (arguments.checkout / name).write_text(text)
        return 0
    stale_names = [name for name in FILES if not _holds(arguments.checkout / name, text)]
    for name in stale_names:
        print(f"{name}: differs from the protos; `make openapi` writes it again")
    print(f"{len(FILES)} documents compared, {len(stale_names)} differences")
    return 1 if stale_names else 0


def document_text() -> str:
    """Return the document of the served methods as indented JSON."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "descriptors"
        write_descriptor_set(PROTO_ROOT, file)
        descriptors = FileDescriptorSet.FromString(file.read_bytes())
    methods = [method for method in METHODS if method.handler is not None]
    return json.dumps(document(methods, read_comments(descriptors)), indent=1, ensure_ascii=False) + "\n"


def _holds(file: pathlib.Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
