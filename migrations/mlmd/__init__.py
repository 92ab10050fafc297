"""Import of MLMD stores: from the tables of ML Metadata, in every version of its schema, into Lineal's records.

Reading and mapping; what loads the records stands on this and nothing else of the package:

    async with open_kfp(kfp_url) as kfp:                     kfp_database: KFP's own database, where it is at hand; or
                                                             RunsFile.read(path) of runs_file
        async for experiments in kfp.experiments(): …        then pipelines() and pipeline_versions(): records of storage.model
        async with open_store(url, kfp=kfp) as store:        reader: raises errors.SourceRefused, one clear sentence
            store.survey                                     survey: figures for a plan, and findings
            async for batch in store.runs(after=checkpoint): batches: whole runs, in the order of their contexts' ids
                for rows in batch.runs:
                    map_run(rows, Options(store_id=…))       mapping: records.RunRecords, a pure function
                batch.last_context_id                        the next checkpoint
            async for batch in store.loose_artifacts(after=…):
                for row, home in batch.artifacts:            artifacts that no run touched
                    map_loose_artifact(row, home, options, findings)

Findings (findings) of the survey, of each batch and of each run's records add up to the report: every rule once, with its
sentence, a count for each kind, and some cases by name. Each artifact's own findings are counted in the run it comes from.

Promises. The same rows give the same records, ids included. Every run is one unit: parents come before their children, and all
artifacts that its links name are among its records, so that runs may be loaded one by one in any order. Records of an artifact
that several runs use are equal in all of them. Links name tasks of their own run only. A run whose experiment nobody knows has
the experiment id "".

Memory: one batch – EXECUTIONS_PER_BATCH executions, or one larger run – and sixteen bytes for each execution of the store
(owners). A batch costs a fixed number of statements, one more of a kind for every 5,000 ids.

Pure rules stand in mapping*.py, one idea a file; rows.py is what they get, records.py what they return.
"""
