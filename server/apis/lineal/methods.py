"""The RPCs of Lineal's own API: one line each, with its handler and what its caller must be allowed."""

from google.protobuf.descriptor import FileDescriptor
from lineal.v1 import lineage_pb2, overview_pb2

from server.apis.lineal import compare, lineage, search
from server.calls.methods import Served, methods_of
from server.calls.namespaces import by_field, by_run
from server.calls.policy import Rule

FILES: tuple[FileDescriptor, ...] = (lineage_pb2.DESCRIPTOR, overview_pb2.DESCRIPTOR)

SERVED: dict[str, Served] = {
    "LineageService.GetLineage": Served(lineage.get_lineage, Rule("lineage", "get", by_field("namespace"))),
    "LineageService.Search": Served(search.search, Rule("lineage", "list", by_field("namespace"))),
    "LineageService.CompareRuns": Served(compare.compare_runs, Rule("lineage", "get", by_run("run_ids"))),
}

METHODS = methods_of(FILES, SERVED)
