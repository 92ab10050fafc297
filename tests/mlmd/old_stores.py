"""Small stores in every version of MLMD's schema: one artifact, one execution, one event, and a run where there are contexts."""

import sqlite3
from contextlib import closing
from pathlib import Path

CREATED = 1_700_000_000_000


def make_store(path: Path, version: int, *, with_version_row: bool = True) -> str:
    """Make a store in a version of the schema and return its URL."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in _statements(version, with_version_row=with_version_row):
            connection.execute(statement)
    return f"sqlite:///{path}"


def _statements(version: int, *, with_version_row: bool) -> list[str]:
    kind = "type_kind" if version >= 2 else "is_artifact_type"
    times = ", create_time_since_epoch INT, last_update_time_since_epoch INT" if version >= 5 else ""
    moments = f", {CREATED}, {CREATED + 500}" if version >= 5 else ""
    named = ", name VARCHAR(255)" if version >= 5 else ""
    external = ", external_id VARCHAR(255)" if version >= 9 else ""
    no_external = ", NULL" if version >= 9 else ""
    state = ", state INT" if version >= 5 else ""
    last_state = ", last_known_state INT" if version >= 5 else ""
    values = "int_value INT, double_value DOUBLE, string_value TEXT"
    values += ", byte_value BLOB" if version >= 7 else ""
    values += ", proto_value BLOB, bool_value BOOLEAN" if version >= 10 else ""
    nulls = ", NULL" * ((version >= 7) + 2 * (version >= 10))
    extra = ", version VARCHAR(255), description TEXT" if version >= 6 else ""
    blank = ", NULL, NULL" if version >= 6 else ""
    statements = [
        f"CREATE TABLE Type (id INTEGER PRIMARY KEY, name VARCHAR(255), {kind} TINYINT(1){extra}{external})",
        f"CREATE TABLE Artifact (id INTEGER PRIMARY KEY, type_id INT, uri TEXT{state}{named}{external}{times})",
        f"CREATE TABLE Execution (id INTEGER PRIMARY KEY, type_id INT{last_state}{named}{external}{times})",
        "CREATE TABLE Event (id INTEGER PRIMARY KEY, artifact_id INT, execution_id INT, type INT,"
        " milliseconds_since_epoch INT)",
        "CREATE TABLE TypeProperty (type_id INT, name VARCHAR(255), data_type INT)",
        "CREATE TABLE EventPath (event_id INT, is_index_step TINYINT(1), step_index INT, step_key TEXT)",
        f"INSERT INTO Type VALUES (1, 'Model', 1{blank}{no_external})",
        f"INSERT INTO Type VALUES (2, 'Trainer', 0{blank}{no_external})",
        f"INSERT INTO Event VALUES (1, 1, 1, 4, {CREATED})",
        "INSERT INTO EventPath VALUES (1, 0, NULL, 'model')",
    ]
    row_name = ", 'my model'" if version >= 5 else ""
    live = ", 2" if version >= 5 else ""
    statements.append(f"INSERT INTO Artifact VALUES (1, 1, '/m'{live}{row_name}{no_external}{moments})")
    complete, no_name = (", 3", ", NULL") if version >= 5 else ("", "")
    statements.append(f"INSERT INTO Execution VALUES (1, 2{complete}{no_name}{no_external}{moments})")
    for owner in ("Artifact", "Execution") + (("Context",) if version >= 3 else ()):
        columns = f"{owner.lower()}_id INT, name VARCHAR(255), is_custom_property TINYINT(1), {values}"
        statements.append(f"CREATE TABLE {owner}Property ({columns})")
        statements.append(f"INSERT INTO {owner}Property VALUES (1, 'p', 1, 7, NULL, NULL{nulls})")
    if version >= 3:
        statements.append(
            f"CREATE TABLE Context (id INTEGER PRIMARY KEY, type_id INT, name VARCHAR(255){external}{times})"
        )
        statements.append(f"INSERT INTO Type VALUES (3, 'pipeline_run', 2{blank}{no_external})")
        statements.append(f"INSERT INTO Context VALUES (1, 3, 'run-0'{no_external}{moments})")
    if version >= 4:
        for name, other in (("Association", "execution"), ("Attribution", "artifact")):
            statements.append(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, context_id INT, {other}_id INT)")
            statements.append(f"INSERT INTO {name} VALUES (1, 1, 1)")
    if version >= 6:
        statements.append("CREATE TABLE ParentContext (context_id INT, parent_context_id INT)")
        statements.append("CREATE TABLE ParentType (type_id INT, parent_type_id INT)")
    if version >= 1:
        statements.append("CREATE TABLE MLMDEnv (schema_version INTEGER PRIMARY KEY)")
        if with_version_row:
            statements.append(f"INSERT INTO MLMDEnv VALUES ({version})")
    return statements
