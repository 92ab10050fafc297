"""The RPCs of Lineal's own API: one line each, with its handler and what its caller must be allowed."""

from lineal.methods import LINEAL_FILES as FILES

from server.calls.methods import Served, methods_of
from server.calls.namespaces import by_artifact, by_experiment, by_field, by_run, first_of
from server.calls.policy import Rule
from server.late import Late


def _late(name: str) -> Late:
    return Late(f"{__package__}.{name}")


SERVED: dict[str, Served] = {
    "LineageService.GetLineage": Served(_late("lineage:get_lineage"), Rule("lineage", "get", by_field("namespace"))),
    "LineageService.Search": Served(_late("search:search"), Rule("lineage", "list", by_field("namespace"))),
    "LineageService.CompareRuns": Served(_late("compare:compare_runs"), Rule("lineage", "get", by_run("run_ids"))),
    "OverviewService.GetOverview": Served(_late("overview:get_overview"), Rule("runs", "list", by_field("namespace"))),
    "OverviewService.ListRunSummaries": Served(
        _late("overview:list_run_summaries"),
        Rule("runs", "list", first_of(by_experiment("experiment_id"), by_field("namespace"))),
    ),
    "RunReportService.GetRunReport": Served(_late("runs:get_run_report"), Rule("runs", "get", by_run("run_id"))),
    "RunReportService.GetRunLevel": Served(_late("runs:get_run_level"), Rule("runs", "get", by_run("run_id"))),
    "RunReportService.GetRunProgress": Served(_late("runs:get_run_progress"), Rule("runs", "get", by_run("run_id"))),
    "ArtifactReportService.GetArtifactReport": Served(
        _late("artifact_report:get_artifact_report"), Rule("artifacts", "get", by_artifact("artifact_id"))
    ),
    "MetricService.UpdateArtifact": Served(
        _late("metrics:update_artifact"), Rule("artifacts", "update", by_artifact("artifact_id"))
    ),
}

METHODS = methods_of(FILES, SERVED)
