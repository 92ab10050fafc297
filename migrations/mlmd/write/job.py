"""The progress of the import of one source, stored in the store itself, from which an interrupted import continues.

The importer calls this within the transactions that write the rows.
"""

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import field, replace
from enum import Enum
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.fingerprint import Fingerprint, is_evidently_same_store, same_store
from migrations.mlmd.vocabulary.errors import ImportRefused, SourceRefused
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.write.refusals import forget_refused
from migrations.mlmd.write.tally import Tally
from storage.record import record
from storage.sql.tables import import_jobs


class JobState(Enum):
    """Whether an import has ended."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    UNDOING = "UNDOING"


class Phase(Enum):
    """The phases of an import, in order."""

    GROUPS = "experiments and pipelines"
    RUNS = "runs"
    ARTIFACTS = "artifacts without a run"


@record
class Progress:
    """How far an import has come, its findings, and what it has done so far."""

    phase: Phase = Phase.GROUPS
    after: int = 0
    done: int = 0
    tally: Tally = field(default_factory=Tally)
    findings: Findings = field(default_factory=Findings)
    first: bool = False  # whether nothing of the source had been imported when it began

    def text(self) -> str:
        """Return the progress as JSON."""
        findings = [[one.rule.name, one.kind, one.count, one.examples] for one in self.findings]
        plain = {"phase": self.phase.name, "after": self.after, "done": self.done, "first": self.first}
        return json.dumps({**plain, "tally": self.tally.plain(), "findings": findings})

    @classmethod
    def read(cls, text: str) -> "Progress":
        """Return the progress from the JSON of `text`."""
        plain = json.loads(text)
        findings = Findings()
        for rule, kind, count, examples in plain["findings"]:
            findings.add(Rule[rule], *examples, kind=kind, count=count)
        tally = Tally.from_plain(plain["tally"])
        # Earlier releases did not record this; without it, the import reads the source from its beginning.
        first = plain.get("first", False)
        return cls(Phase[plain["phase"]], plain["after"], plain["done"], tally, findings, first)


@record
class Job:
    """The import of one source."""

    id: int
    store_id: str
    source: str
    fingerprint: Fingerprint
    options: dict[str, Any]
    state: JobState
    progress: Progress

    def check_source(self, fingerprint: Fingerprint) -> None:
        """Raise SourceRefused when another MLMD store was imported under this store id."""
        if not same_store(self.fingerprint, fingerprint):
            option = f"with --store-id {self.store_id}" if self.store_id else "without --store-id"
            raise SourceRefused(
                f"another MLMD store, {self.source}, was imported {option}; "
                "use another --store-id for this one, since the rows of both have the same ids"
            )

    def difference(self, options: Mapping[str, Any]) -> str:
        """Return a text that says which options differ from those of the previous import; "" when none does."""
        parts = []
        if bool(self.options.get("kfp")) != bool(options["kfp"]):
            previous, current = ("with", "without") if self.options.get("kfp") else ("without", "with")
            parts.append(f"the previous import was made {previous} --kfp-db, this one {current} it")
        previous_types, types = _types(self.options), _types(options)
        if previous_types != types:
            parts.append(f"the previous import had {_flags(previous_types)}, this one has {_flags(types)}")
        return "; ".join(parts)

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Raise ImportRefused when an import has different options than the previous one."""
        check_difference(self.difference(options))

    def goes_on(self, options: Mapping[str, Any]) -> bool:
        """Return whether an import with these options continues this one, which was interrupted."""
        return self.state is JobState.RUNNING and not self.difference(options)

    def is_first(self, options: Mapping[str, Any]) -> bool:
        """Return whether an import continues the first one of its source."""
        return self.goes_on(options) and self.progress.first


def other_import(jobs: Mapping[str, Job], fingerprint: Fingerprint) -> str:
    """Return a text that says under which store id a source was imported that is new under its own; "" when it was not."""
    for job in jobs.values():
        if is_evidently_same_store(job.fingerprint, fingerprint):
            option = f"with --store-id {job.store_id}" if job.store_id else "without --store-id"
            return f"this MLMD store was imported {option} before, and everything would be imported a second time"
    return ""


def check_difference(difference: str) -> None:
    """Raise ImportRefused when options differ."""
    if difference:
        raise ImportRefused(
            f"{difference}; nothing was written. Give the same options again, or add --change-options if the change is intended"
        )


async def all_jobs(connection: AsyncConnection) -> list[Job]:
    """Return the imports of all sources, the oldest first."""
    store_ids = (await connection.execute(select(import_jobs.c.store_id).order_by(import_jobs.c.id))).scalars().all()
    jobs = [await find_job(connection, store_id) for store_id in store_ids]
    return [job for job in jobs if job is not None]


async def find_job(connection: AsyncConnection, store_id: str) -> Job | None:
    """Return the import under a store id, if there is one."""
    columns = import_jobs.c
    statement = select(
        columns.id, columns.source, columns.identity, columns.options, columns.state, columns.progress
    ).where(columns.store_id == store_id)
    row = (await connection.execute(statement)).first()
    if row is None:
        return None
    return Job(
        row.id,
        store_id,
        row.source,
        json.loads(row.identity),
        json.loads(row.options),
        JobState(row.state),
        Progress.read(row.progress),
    )


async def begin_job(
    connection: AsyncConnection, *, store_id: str, source: str, fingerprint: Fingerprint, options: dict[str, Any]
) -> Job:
    """Return the job of an import that begins or continues.

    Only the first import of a source continues where it was interrupted. Any other reads the source from its beginning, and
    counts what it had written by then. Raises SourceRefused when the store id belongs to another source.
    """
    before, now = await find_job(connection, store_id), time.time_ns() // 1000
    values = {"source": source, "options": json.dumps(options), "state": JobState.RUNNING.value, "updated_at": now}
    if before is None:
        highest = (await connection.execute(select(func.max(import_jobs.c.id)))).scalar() or 0
        job = Job(highest + 1, store_id, source, fingerprint, options, JobState.RUNNING, Progress(first=True))
        row = {"id": job.id, "store_id": store_id, "identity": json.dumps(fingerprint), "started_at": now}
        await connection.execute(insert(import_jobs), {**row, **values, "progress": job.progress.text()})
        return job
    before.check_source(fingerprint)
    goes_on = before.goes_on(options)
    progress = before.progress
    if not before.is_first(options):
        await _forget_refused(connection, before.id, before.progress)
        progress = Progress(tally=before.progress.tally.for_next_pass() if goes_on else Tally())
    # The source may have been empty, and so without a fingerprint, when it was imported for the first time.
    merged_fingerprint = {**fingerprint, **before.fingerprint}
    values |= {"identity": json.dumps(merged_fingerprint), "progress": progress.text(), "finished_at": None}
    values |= {} if goes_on else {"started_at": now}
    await connection.execute(update(import_jobs).where(import_jobs.c.id == before.id).values(values))
    return replace(before, source=source, options=options, state=JobState.RUNNING, progress=progress)


async def restart_job(job: Job, progress: Progress, connection: AsyncConnection) -> Job:
    """Return the job of an import that has come to the end of its source, and now reads it from its beginning.

    What it has written is still counted. From now on, its source has been imported before.
    """
    await _forget_refused(connection, job.id, progress)
    job = replace(job, progress=Progress(tally=progress.tally.for_next_pass()))
    await record_progress(connection, job.id, job.progress)
    return job


async def _forget_refused(connection: AsyncConnection, job_id: int, progress: Progress) -> None:
    """Remove the notes of what the database refused, before a pass that reads the source from its beginning."""
    if progress.findings.count(Rule.VALUES_REFUSED):
        await forget_refused(connection, job_id)


async def record_progress(
    connection: AsyncConnection, job_id: int, progress: Progress, *, state: JobState = JobState.RUNNING
) -> None:
    """Record the progress of an import."""
    now = time.time_ns() // 1000
    values = {"progress": progress.text(), "state": state.value, "updated_at": now}
    values |= {"finished_at": now} if state is JobState.DONE else {}
    await connection.execute(update(import_jobs).where(import_jobs.c.id == job_id).values(values))


async def remove_job(connection: AsyncConnection, job_id: int) -> None:
    """Forget an import."""
    await connection.execute(delete(import_jobs).where(import_jobs.c.id == job_id))


def _types(options: Mapping[str, Any]) -> list[str]:
    return sorted(set(options.get("run_context_types", ())))


def _flags(types: list[str]) -> str:
    return " ".join(f"--run-context {shlex.quote(one)}" for one in types) or "no --run-context"
