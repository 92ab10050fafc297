"""The recorder: a script records its run, tasks, artifacts and metrics in a few lines.

    with lineal.run("train", parameters={"depth": 4}) as run:
        with run.task("fit", uses=["s3://data/mails.parquet"]) as task:
            task.log_metric("accuracy", 0.93)
            model = task.log_artifact("model", "s3://models/1", type="Model")

What is recorded goes to a spool file and is sent in the background: logging waits neither for the network nor for a server that is away.
See docs/recorder.md.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeVar, overload

from lineal import settings as _settings
from lineal._recorder import current as _current
from lineal._recorder import files as _files
from lineal._recorder import values as _values
from lineal._recorder.artifacts import LoggedArtifact as LoggedArtifact
from lineal._recorder.connections import connection_to as _connection_to
from lineal._recorder.runs import Run as Run
from lineal._recorder.starting import Wanted as _Wanted
from lineal._recorder.steps import decorate as _decorate
from lineal._recorder.tasks import Loop as Loop
from lineal._recorder.tasks import Task as Task
from lineal._recording import Options
from lineal._recording.counters import Counters as Counters
from lineal._recording.counters import Rejection as Rejection
from lineal._recording.options import load as _load_options
from lineal.client import Client

__all__ = (
    "Counters",
    "LoggedArtifact",
    "Loop",
    "Rejection",
    "Run",
    "Task",
    "current_run",
    "current_task",
    "run",
    "step",
)

Function = TypeVar("Function", bound=Callable[..., Any])


def run(
    name: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    experiment: str = "",
    description: str = "",
    namespace: str = "",
    client: Client | None = None,
    artifact_root: "str | os.PathLike[str] | None" = None,
    join: bool = True,
    **settings: Any,
) -> Run:
    """Return a run, which begins with its `with` block.

    `experiment` is the name or the id of one; one that does not exist is created. `artifact_root` is where `log_file` copies to: a folder,
    or a URL of fsspec; by default LINEAL_ARTIFACT_ROOT. In a process that was started within a run, it becomes a group in that
    run; `join=False` makes it one of its own. The server is that of `client`, or of the settings of a client, given as
    keywords or LINEAL_* variables; so are the options of the recorder, such as `spool_dir` and `spool_seconds`. Raises
    SettingsError, TypeError and ValueError for what cannot be used.
    """
    option_names = {option.name for option in fields(Options)}
    options = _load_options({key: value for key, value in settings.items() if key in option_names})
    connection_settings = {key: value for key, value in settings.items() if key not in option_names}
    if client is not None and not isinstance(client, Client):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"client: must be a lineal.Client, not {type(client).__name__}")
    if client is not None and connection_settings:
        raise TypeError(f"{next(iter(connection_settings))}: cannot be given together with client")
    chosen = client.settings if client is not None else _settings.load(connection_settings)
    wanted = _Wanted(
        name=_values.text(name, "name", limit=_values.DISPLAY_NAME_CHARACTERS, required=True),
        parameters=_values.parameters(parameters, "parameters"),
        experiment=_values.text(experiment, "experiment"),
        description=_values.text(description, "description"),
        namespace=_values.text(namespace, "namespace", limit=_values.NAMESPACE_CHARACTERS),
        artifact_root=_files.check_root(_current.artifact_root(artifact_root)),
    )
    return Run(_connection_to(chosen, options), wanted, join=join)


@overload
def step(function: Function) -> Function: ...


@overload
def step(
    *, name: str | None = None, cache: bool = False, version: str | None = None, cache_key: str | None = None
) -> Callable[[Function], Function]: ...


def step(
    function: Any = None,
    *,
    name: str | None = None,
    cache: bool = False,
    version: str | None = None,
    cache_key: str | None = None,
) -> Any:
    """Make a function a step of the run that is open when it is called: `@lineal.step`, or `@lineal.step(cache=True)`.

    Each call is a task with the function's arguments as inputs and what it returns as the output `return`. Arguments that are
    LoggedArtifacts are what the task uses; other arguments without a form in JSON are recorded by their type. With `cache`, an equal
    call that succeeded before – the same name, `version`, `cache_key` and arguments – is not repeated, and what it returned
    is returned again, tuples as lists. Functions may be async, but not generators. Outside of runs, a call is an ordinary one.
    """
    return _decorate(None, function, name=name, cache=cache, version=version, cache_key=cache_key)


def current_run() -> Run | None:
    """Return the run whose block this is in, None outside of one. A new thread is outside; asyncio tasks inherit it."""
    task = _current.task()
    return None if task is None else task.run


def current_task() -> Task | None:
    """Return the task whose block this is in, ROOT directly in a run's, None outside of one. A new thread is outside."""
    return _current.task()
