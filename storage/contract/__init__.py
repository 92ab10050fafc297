"""The Store: the operations of the server on a database, and what they promise.

Services and the composition root import this package; `storage/sql` implements it. Each sentence of a docstring in it,
except those of modules and the first line of a class, is a promise with a test in tests/contract.

`storage.ids.can_be_id` defines which texts cannot be ids.

Locks are always taken in one order, so that two calls cannot wait for each other: the experiment, tasks by id, then runs.
"""

from storage.contract.artifact_tasks import ArtifactTaskReads, ArtifactTaskWrites
from storage.contract.artifacts import ArtifactReads, ArtifactWrites
from storage.contract.comparison import ComparisonReads
from storage.contract.experiments import ExperimentReads, ExperimentWrites
from storage.contract.idempotency_keys import IdempotencyKeyReads, IdempotencyKeyWrites
from storage.contract.lineage import LineageReads
from storage.contract.listing import Listing, Lock, Page
from storage.contract.overview import OverviewReads
from storage.contract.pipelines import PipelineReads, PipelineVersionReads, PipelineVersionWrites, PipelineWrites
from storage.contract.row_ids import RowIdReads
from storage.contract.run_report import RunReportReads
from storage.contract.runs import RunReads, RunWrites
from storage.contract.search import SearchReads
from storage.contract.store import ReadTx, Store, WriteTx
from storage.contract.tasks import TaskReads, TaskWrites

__all__ = [
    "ArtifactReads",
    "ArtifactTaskReads",
    "ArtifactTaskWrites",
    "ArtifactWrites",
    "ComparisonReads",
    "ExperimentReads",
    "ExperimentWrites",
    "IdempotencyKeyReads",
    "IdempotencyKeyWrites",
    "LineageReads",
    "Listing",
    "Lock",
    "OverviewReads",
    "Page",
    "PipelineReads",
    "PipelineVersionReads",
    "PipelineVersionWrites",
    "PipelineWrites",
    "ReadTx",
    "RowIdReads",
    "RunReads",
    "RunReportReads",
    "RunWrites",
    "SearchReads",
    "Store",
    "TaskReads",
    "TaskWrites",
    "WriteTx",
]
