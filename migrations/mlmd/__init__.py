"""Import of MLMD stores: from the tables of ML Metadata, in every version of its schema, into Lineal's records.

The commands are importer, dry_run, verify and undo. They use five packages, each of which imports only those below it:

    write/        records → rows of a Lineal store: transactions, the ledger of imported rows, which changes are allowed
    kfp/          KFP's own database, or a file of runs, if one is given
    read/         tables of an MLMD store → batches of whole runs      open_store(url): raises SourceRefused
    mapping/      rows of a run → records of Lineal, without I/O      map_run(rows, Options(store_id=…)) → RunRecords
    vocabulary/   what all of them share: rows, values, records, findings, errors

The report sums the findings of the survey, of each batch and of each run's records: every rule with its sentence, a count
per kind, and the names of some cases. Findings about an artifact are counted in the run it comes from.

Promises: the same rows give the same records, including their ids. Every run is one unit: parents come before their children, and all
artifacts that its links name are among its records, so that runs can be loaded one by one in any order. The records of an
artifact that several runs use are equal in all of them. Links name tasks of their own run only. A run whose experiment is unknown has the
experiment id "".

A true-up keeps what the source has lost. Which rows these are is known only after the whole source was read: the ids that were met
are noted in a temporary file (write/id_set), not in memory.

Memory: one batch (EXECUTIONS_PER_BATCH executions, or one larger run) and sixteen bytes per execution of the store
(read/run_index). A batch needs a fixed number of statements, each sent once per 5,000 ids.
"""
