"""Functions as steps of a run: `@run.step` and `@lineal.step`.

Each call is a task with the function's name. Arguments that are artifacts are what the task uses, others are inputs: those without a form
in JSON by their type alone. What is returned is the output `return`, if it has that form.
"""

import functools
import inspect
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lineal._recorder import current, values
from lineal._recorder.artifacts import LoggedArtifact
from lineal._recorder.tasks import Task
from lineal._recorder.values import Plain

if TYPE_CHECKING:
    from lineal._recorder.runs import Run

RETURN = "return"
"""The output with what a step returned."""

_RETURNED = "lineal.return"
"""The property with what a cached step returned, as JSON text: there, 3 and 3.0 are different."""

_ARTIFACT = "lineal.artifact"
"""What stands for an artifact there: {"lineal.artifact": the name of the output}."""

log = logging.getLogger("lineal")


class Arguments(NamedTuple):
    """What a step was called with."""

    inputs: dict[str, Plain]
    uses: dict[str, list[LoggedArtifact]]


class Step(NamedTuple):
    """How calls of a function are recorded."""

    function: Callable[..., Any]
    signature: inspect.Signature
    run: "Run | None"
    name: str
    is_cached: bool
    version: str | None
    cache_key: str | None

    def task(self, run: "Run", args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Task:
        """Return the task of a call. Raises TypeError for arguments that the function does not take."""
        arguments = self._arguments(args, kwargs)
        # The version makes it a task that looks for an equal one. A function's default one is "".
        version = (self.version or "") if self.is_cached else None
        return run.task(
            self.name, inputs=arguments.inputs, uses=arguments.uses, version=version, cache_key=self.cache_key
        )

    def _arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = Arguments({}, {})
        for name, value in _flat(self.signature, bound.arguments):
            if (logged := _artifacts_in(value)) is not None:
                arguments.uses[name] = logged
            elif name not in ("self", "cls"):
                arguments.inputs[name] = self._input(name, value)
        return arguments

    def _input(self, name: str, value: Any) -> Plain:
        try:
            return values.plain(value, f"argument {name!r} of step {self.name!r}")
        except (TypeError, ValueError) as error:
            if self.is_cached:
                raise TypeError(
                    f"{error}; without it, calls cannot be compared: leave out cache=True, or give what can be compared"
                ) from None
            return f"<{type(value).__module__}.{type(value).__qualname__}>"

    def returned(self, task: Task) -> tuple[bool, Any]:
        """Return whether what an equal call returned is known, and what it is."""
        text = task.properties.get(_RETURNED)
        if not task.cached or not isinstance(text, str):
            return False, None
        return True, _decoded(json.loads(text), task)

    def record(self, task: Task, value: Any) -> None:
        """Record what a call returned."""
        try:
            encoded = _encoded(value, task)
        except (TypeError, ValueError):
            if self.is_cached:
                log.warning(
                    "step %r returned %s, which has no form in JSON: equal calls of it will not be taken from the cache",
                    self.name,
                    type(value).__name__,
                )
            return
        if self.is_cached:
            task.properties[_RETURNED] = json.dumps(encoded)
        if value is not None and _artifacts_in(value) is None:
            task.output(RETURN, encoded)


def decorate(
    run: "Run | None",
    function: Any,
    *,
    name: str | None,
    cache: bool,
    version: str | None,
    cache_key: str | None,
) -> Any:
    """Return a function whose calls are recorded in a run, without one in the current one; or a decorator that makes one."""
    if function is None:
        return functools.partial(_decorated, run, name=name, is_cached=cache, version=version, cache_key=cache_key)
    return _decorated(run, function, name=name, is_cached=cache, version=version, cache_key=cache_key)


def _decorated(
    run: "Run | None",
    function: Any,
    *,
    name: str | None,
    is_cached: bool,
    version: str | None,
    cache_key: str | None,
) -> Any:
    if not callable(function):
        raise TypeError(f"a step must be a function, not {type(function).__name__}; give name= and the like by keyword")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("a step must not be a generator: it would end before the function does")
    if not is_cached and (version is not None or cache_key is not None):
        raise ValueError("version and cache_key are for steps with cache=True")
    if cache_key is not None:
        values.text(cache_key, "cache_key")
    step = Step(
        function=function,
        signature=inspect.signature(function),
        run=run,
        name=values.name(name or getattr(function, "__name__", type(function).__name__), "name"),
        is_cached=is_cached,
        version=None if version is None else values.text(version, "version"),
        cache_key=cache_key,
    )
    return _async_wrapper(step) if inspect.iscoroutinefunction(function) else _wrapper(step)


def _wrapper(step: Step) -> Callable[..., Any]:
    @functools.wraps(step.function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = step.run or _current_run()
        if run is None:
            return step.function(*args, **kwargs)
        with step.task(run, args, kwargs) as task:
            is_known, value = step.returned(task)
            if not is_known:
                value = step.function(*args, **kwargs)
                step.record(task, value)
            return value

    return wrapper


def _async_wrapper(step: Step) -> Callable[..., Any]:
    @functools.wraps(step.function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        run = step.run or _current_run()
        if run is None:
            return await step.function(*args, **kwargs)
        with step.task(run, args, kwargs) as task:
            is_known, value = step.returned(task)
            if not is_known:
                value = await step.function(*args, **kwargs)
                step.record(task, value)
            return value

    return wrapper


def _current_run() -> "Run | None":
    task = current.task()
    return None if task is None else task.run


def _flat(signature: inspect.Signature, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the arguments by name; those that `**kwargs` took, by their own names."""
    for name, value in arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            yield from value.items()
        else:
            yield name, value


def _artifacts_in(value: Any) -> list[LoggedArtifact] | None:
    """Return the artifacts that a value consists of; None if it is something else."""
    if isinstance(value, LoggedArtifact):
        return [value]
    if values.is_list(value) and value:
        logged = [item for item in value if isinstance(item, LoggedArtifact)]
        return logged if len(logged) == len(value) else None
    return None


def _encoded(value: Any, task: Task) -> Plain:
    """Return a value as JSON, in which artifacts are named by the outputs of the task that they are."""
    if isinstance(value, LoggedArtifact):
        key = value.key
        if task.outputs.get(key) is not value:
            raise ValueError("an artifact that is not an output of this step")
        return {_ARTIFACT: key}
    if values.is_list(value):
        return [_encoded(item, task) for item in value]
    if values.is_mapping(value):
        return {values.text(name, RETURN): _encoded(item, task) for name, item in value.items()}
    return values.plain(value, RETURN)


def _decoded(plain: Any, task: Task) -> Any:
    if values.is_list(plain):
        return [_decoded(item, task) for item in plain]
    if values.is_mapping(plain):
        if list(plain) == [_ARTIFACT]:
            return task.outputs[plain[_ARTIFACT]]
        return {name: _decoded(item, task) for name, item in plain.items()}
    return plain
