"""Limits of what is shown of artifacts, and on pages of the web UI, for the table of all limits. docs_limits.py calls this."""

OF_ARTIFACTS: tuple[tuple[str, str, str, str], ...] = (
    (
        "the metadata of an artifact in its report, as JSON, and its description",
        "server.rules.artifact_report.report:METADATA_CHARACTERS",
        "characters",
        "left out, and the report says how much; a description is cut",
    ),
    (
        "links to what made an artifact that its report looks at",
        "server.rules.artifact_report.sources:MAKERS_MAX",
        "links",
        "not looked at",
    ),
    (
        "makers, and other producers, in the report of an artifact",
        "server.rules.artifact_report.report:PRODUCERS_MAX",
        "tasks",
        "`more_makers` or `more_others` is set",
    ),
    (
        "consumers that the report of an artifact counts",
        "server.rules.artifact_report.report:CONSUMERS_MAX",
        "tasks",
        "`more_consumers` is set",
    ),
    (
        "older versions, and younger ones, in the report of an artifact",
        "server.rules.artifact_report.report:VERSIONS_MAX",
        "artifacts",
        "`more_older` or `more_younger` is set",
    ),
    (
        "inputs of its maker in the report of an artifact",
        "server.rules.artifact_report.recipe:INPUTS_MAX",
        "artifacts",
        "`more_inputs` is set",
    ),
    (
        "parameters of a task, and of a run, in the report of an artifact",
        "server.rules.artifact_report.recipe:PARAMETERS_MAX",
        "parameters",
        "`more_parameters` or `more_run_parameters` is set",
    ),
    (
        "metrics about an artifact in its report",
        "server.rules.artifact_report.recipe:METRICS_MAX",
        "metrics",
        "`more_metrics` is set",
    ),
    (
        "other metrics of its run in the report of an artifact",
        "server.rules.artifact_report.recipe:RUN_METRICS_MAX",
        "metrics",
        "left out, the last by name first",
    ),
    (
        "tasks that took an artifact of which its report shows metrics",
        "server.rules.artifact_report.recipe:MEASURING_TASKS_MAX",
        "tasks",
        "not looked at",
    ),
    (
        "outputs of each of these tasks, and of the maker, among which metrics are looked for",
        "server.rules.artifact_report.recipe:OUTPUTS_MAX",
        "links",
        "not looked at",
    ),
    (
        "memory per process for the container images in specifications",
        "server.rules.artifact_report.images:IMAGES_BYTES",
        "bytes",
        "read again when needed",
    ),
    ("quiet runs on the front page", "server.ui.home:QUIET_MAX", "runs", "the page says how many"),
    (
        "pipelines, and experiments, that the list of runs offers to choose from",
        "server.ui.list_filters:NAMES_MAX",
        "names",
        "left out, the oldest first",
    ),
    ("runs that a form of the web UI names", "server.ui.run_actions:RUNS_MAX", "runs", "the page says 400"),
    ("fields of a form of the web UI", "server.ui.visit:FORM_FIELDS_MAX", "fields", "the page says 400"),
    ("hops to one side on the page of an artifact", "server.ui.artifact:STEPS_MAX", "hops", "the page says 400"),
    (
        "cards of a column on the page of an artifact",
        "server.ui.lineage_columns:CARDS_MAX",
        "cards",
        "the page says how many",
    ),
    (
        "names in a sentence on the page of an artifact",
        "server.ui.lineage_columns:NAMES_MAX",
        "names",
        "the page says how many",
    ),
    (
        "artifacts, and runs, on the page of what is affected",
        "server.ui.affected:ROWS_MAX",
        "rows",
        "the page says how many; the CSV has them",
    ),
)
"""As LIMITS."""
