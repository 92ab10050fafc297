"""Compares the checked-in OpenAPI documents with the protos and descriptors, or writes them. Called by `make`.

There are two copies of the document of each API: one in api for readers, and one in the server's package for it to send.
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
from openapi_document.document import ABOUT_KFP, ABOUT_LINEAL, About, document

from server.api import Api
from server.apis.kfp.api import KFP
from server.apis.lineal.api import LINEAL

FOLDERS = ("api", "server/static")
DOCUMENTS: dict[str, tuple[Api, About]] = {
    "openapi.json": (KFP, ABOUT_KFP),
    "openapi_lineal.json": (LINEAL, ABOUT_LINEAL),
}
"""The documents by the names of their files."""


def main() -> int:
    """Return 0 if the files were written or are up to date, otherwise 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=CHECKOUT, help="default: this one")
    parser.add_argument("--write", action="store_true", help="write the documents instead of comparing them")
    arguments = parser.parse_args()
    try:
        texts = {f"{folder}/{name}": text for name, text in document_texts().items() for folder in FOLDERS}
    except MissingComment as error:
        print(f"{error}: add one in api/proto, since it is shown in the OpenAPI document")
        return 1
    if arguments.write:
        for name, text in texts.items():
            (arguments.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (arguments.checkout / name).write_text(text)
        return 0
    stale_names = [name for name, text in texts.items() if not _holds(arguments.checkout / name, text)]
    for name in stale_names:
        print(f"{name}: differs from the protos; `make openapi` writes it again")
    print(f"{len(texts)} documents compared, {len(stale_names)} differences")
    return 1 if stale_names else 0


def document_texts() -> dict[str, str]:
    """Return the documents of the served methods as indented JSON, by the names of their files."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "descriptors"
        write_descriptor_set(PROTO_ROOT, file)
        descriptors = FileDescriptorSet.FromString(file.read_bytes())
    comments, texts = read_comments(descriptors), {}
    for name, (api, about) in DOCUMENTS.items():
        methods = [method for method in api.methods if method.handler is not None]
        texts[name] = json.dumps(document(methods, comments, about), indent=1, ensure_ascii=False) + "\n"
    return texts


def _holds(file: pathlib.Path, text: str) -> bool:
    return file.is_file() and file.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
