"""KFP's own database, as its releases lay it out, with some rows. For the tests of this folder."""

import json
from typing import Any

import yaml

from tests.databases.queries import execute
from tests.mlmd.builders import RUN_ID

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "training"},
    "schemaVersion": "2.1.0",
    "deploymentSpec": {"executors": {"exec-importer": {"importer": {}}, "exec-train": {"container": {}}}},
    "root": {
        "dag": {
            "tasks": {
                "importer": {"componentRef": {"name": "comp-importer"}, "taskInfo": {"name": "Shown importer"}},
                "train": {
                    "componentRef": {"name": "comp-train"},
                    "taskInfo": {"name": "Train it"},
                    "inputs": {
                        "parameters": {
                            "lr": {"componentInputParameter": "lr"},
                            "epochs": {"runtimeValue": {"constant": 3}},
                        }
                    },
                },
                "guard": {
                    "componentRef": {"name": "comp-guard"},
                    "triggerPolicy": {"condition": "true"},
                    "inputs": {
                        "parameters": {
                            "score": {"taskOutputParameter": {"producerTask": "train", "outputParameterKey": "score"}}
                        }
                    },
                },
                "condition-1": {"componentRef": {"name": "comp-plain"}},
                "each": {"componentRef": {"name": "comp-each"}, "parameterIterator": {"itemInput": "item"}},
                "sum": {
                    "componentRef": {"name": "comp-train"},
                    "inputs": {
                        "parameters": {
                            "all": {"taskOutputParameter": {"producerTask": "each", "outputParameterKey": "x"}},
                            "status": {"taskFinalStatus": {"producerTask": "train"}},
                        }
                    },
                },
            }
        }
    },
    "components": {
        "comp-importer": {"executorLabel": "exec-importer"},
        "comp-train": {"executorLabel": "exec-train"},
        "comp-guard": {
            "dag": {
                "tasks": {
                    "inner": {
                        "componentRef": {"name": "comp-train"},
                        "inputs": {"parameters": {"score": {"componentInputParameter": "score"}}},
                    }
                }
            }
        },
        "comp-plain": {"dag": {"tasks": {}}},
        "comp-each": {
            "dag": {
                "tasks": {
                    "step": {
                        "componentRef": {"name": "comp-train"},
                        "inputs": {"parameters": {"x": {"componentInputParameter": "item"}}},
                    }
                }
            }
        },
    },
}
"""A spec with a task of every kind."""

HISTORY = json.dumps(
    [{"UpdateTimeInSec": 5, "State": "PENDING", "Error": None}, {"UpdateTimeInSec": 9, "State": "SUCCEEDED"}]
)

RUN = {
    "UUID": RUN_ID,
    "DisplayName": "my rün",
    "Name": "training-abc",
    "Namespace": "team-a",
    "State": "SUCCEEDED",
    "Conditions": "Succeeded",
    "StateHistory": HISTORY,
    "ExperimentUUID": "e1",
    "Description": "why",
    "StorageState": "ARCHIVED",
    "ServiceAccount": "runner",
    "JobUUID": "r1",
    "PipelineId": "p1",
    "PipelineVersionId": "v1",
    "PipelineRoot": "s3://root",
    "RuntimeParameters": '{"b": [1.0], "a": 0.5}',
    "PipelineSpecManifest": yaml.safe_dump(SPEC),
    "CreatedAtInSec": 5,
    "ScheduledAtInSec": 6,
    "FinishedAtInSec": 9,
}
V1_RUN = {
    **{name: None for name in RUN},
    "UUID": "v1-uuid",
    "Name": "train-v1-abcde",
    "Namespace": "",
    "ExperimentUUID": "e1",
    "State": "",
    "Conditions": "Error",
    "CreatedAtInSec": 7,
    "FinishedAtInSec": 0,
}

TABLES: dict[str, list[dict[str, Any]]] = {
    "run_details": [RUN, V1_RUN],
    "experiments": [
        {
            "UUID": "e1",
            "Name": "trials",
            "Description": "d",
            "CreatedAtInSec": 3,
            "LastRunCreatedAtInSec": 7,
            "Namespace": "team-x",
            "StorageState": "AVAILABLE",
        }
    ],
    "pipelines": [{"UUID": "p1", "Name": "training", "Description": "", "Namespace": "team-a", "CreatedAtInSec": 2}],
    "pipeline_versions": [
        {
            "UUID": "v1",
            "PipelineId": "p1",
            "Name": "first",
            "Description": "",
            "CodeSourceUrl": "git://x",
            "PipelineSpec": json.dumps(SPEC),
            "CreatedAtInSec": 4,
        }
    ],
    "tasks": [{"UUID": "t1", "RunUUID": RUN_ID, "MLMDExecutionID": "2", "Fingerprint": "old-print"}],
}


def make_kfp_database(url: str, *, leaving_out: tuple[str, ...] = ()) -> None:
    """Make the tables, their columns named in mixed case, and fill them."""
    quote = "`" if url.startswith("mysql") else '"'
    text = "LONGTEXT" if url.startswith("mysql") else "TEXT"
    for name, rows in TABLES.items():
        if name in leaving_out:
            continue
        columns = ", ".join(
            f"{quote}{column}{quote} {'BIGINT' if column.endswith('InSec') else text}" for column in rows[0]
        )
        execute(url, f"CREATE TABLE {name} ({columns})")
        for row in rows:
            values = ", ".join(_literal(value, url) for value in row.values())
            execute(url, f"INSERT INTO {name} VALUES ({values})")


def _literal(value: Any, url: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\") if url.startswith("mysql") else str(value)
    return "'" + text.replace("'", "''") + "'"
