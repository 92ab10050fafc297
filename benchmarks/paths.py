"""How many functions and files one must read to follow a call: `python -m benchmarks.paths [FILES]`.

For each call: the functions and files that it passes through, and how often it returns to a file, in the order in which
functions are first entered. A call is traced after it has been made once, from its door to the statements, on SQLite. With
FILES, the path itself is printed.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from lineal.v2beta1 import run_pb2

from migrations.upgrade import upgrade
from tests.api.client import Api
from tests.api.service import serving
from tests.rest.uploads import upload_pipeline

ROOT = Path(__file__).resolve().parent.parent
SOURCE_FOLDERS = tuple(f"{ROOT / folder}/" for folder in ("server", "storage", "migrations", "clients/python/lineal"))
_UNSEEN = ("<module>", "<listcomp>", "<genexpr>", "<lambda>", "<dictcomp>", "<setcomp>")
SPEC = {
    "pipelineInfo": {"name": "paths"},
    "schemaVersion": "2.1.0",
    "root": {"dag": {"tasks": {"one": {"taskInfo": {"name": "one"}, "componentRef": {"name": "comp-one"}}}}},
    "components": {"comp-one": {"executorLabel": "exec-one"}},
    "deploymentSpec": {"executors": {"exec-one": {"container": {"image": "python:3.11"}}}},
}


class CallPath:
    """The server's functions in the order in which they were first entered."""

    def __init__(self) -> None:
        self.functions: dict[CodeType, None] = {}

    def note(self, frame: FrameType, event: str, _: Any) -> None:
        """Handle an event of sys.setprofile; a coroutine is entered again each time it is resumed."""
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(SOURCE_FOLDERS) and code.co_name not in _UNSEEN:
            self.functions.setdefault(code)

    def stretches(self) -> list[tuple[str, list[str]]]:
        """Return the files in order, each with the functions entered there in succession."""
        steps = [(str(Path(code.co_filename).relative_to(ROOT)), code.co_qualname) for code in self.functions]
        return [(file, [name for _, name in group]) for file, group in groupby(steps, key=lambda step: step[0])]

    def summary(self) -> str:
        """Return the three figures."""
        stretches = self.stretches()
        files = {file for file, _ in stretches}
        count = len(self.functions)
        return f"{count:4} functions {len(files):4} files {len(stretches) - len(files):4} returns to an earlier file"


@contextmanager
def tracing() -> Iterator[CallPath]:
    """Trace this thread until the end of the block."""
    call_path = CallPath()
    sys.setprofile(call_path.note)
    try:
        yield call_path
    finally:
        sys.setprofile(None)


async def calls(url: str) -> dict[str, CallPath]:
    """Return the path of each call."""
    call_paths: dict[str, CallPath] = {}
    async with serving(url) as addresses:
        api = Api(addresses.grpc)
        run = await api.CreateRun(run=run_pb2.Run(display_name="paths", pipeline_spec=SPEC))

        def a_task(name: str) -> run_pb2.PipelineTask:
            task = run_pb2.PipelineTask(name=name, display_name=name, state=1, type=2)
            task.pods.add(name="pod", uid="5f6ae9d0-e5f8-4536-99f3-33e332a798ba", type=1)
            task.inputs.parameters.add(parameter_key="rate", type=4).value.number_value = 0.1
            return task

        async def create_task(number: int) -> Any:
            return await api.CreateTask(run_id=run.run_id, task=a_task(f"t{number}"))

        task = await create_task(0)

        async def update_tasks(number: int) -> None:
            update = a_task(f"t{number}")
            update.task_id, update.run_id, update.state = task.task_id, run.run_id, 2
            await api.UpdateTasksBulk(run_id=run.run_id, tasks={task.task_id: update})

        async def upload(number: int) -> None:
            answer = await upload_pipeline(addresses.rest, SPEC, name=f"paths-{number}")
            assert answer.status == 200, answer.body

        traced_calls: dict[str, Callable[[int], Awaitable[Any]]] = {
            "CreateTask": create_task,
            "ListTasks": lambda _: api.ListTasks(run_id=run.run_id, page_size=10),
            "UpdateTasksBulk": update_tasks,
            "UploadPipeline": upload,
        }
        for name, call in traced_calls.items():
            await call(1)
            with tracing() as call_paths[name]:
                await call(2)
        await api.channel.close()
    return call_paths


def main() -> None:
    """Trace the calls and print their paths."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/paths.sqlite"
        upgrade(url)
        for name, call_path in asyncio.run(calls(url)).items():
            print(f"{name:18}{call_path.summary()}")
            if sys.argv[1:] == ["FILES"]:
                for file, names in call_path.stretches():
                    print(f"    {file}: {', '.join(names)}")


if __name__ == "__main__":
    main()
