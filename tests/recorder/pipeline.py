"""A program that records much of what can be recorded: `python -m tests.recorder.pipeline CACHE_KEY FILE`.

A data set is imported and cleaned, which a second run takes from the cache; models are trained in a loop within a loop; a subprocess
records a part of the run; and publishing fails.
"""

import subprocess
import sys

import lineal

MAILS = "s3://lake/mails.parquet"
ROUNDS, DEPTHS = ("small", "large"), (2, 4)

REPORT = """
import lineal
with lineal.run("report", parameters={"pages": 2}) as part:
    with part.task("render") as task:
        task.log_artifact("page", "s3://lake/page.html", type="HTML")
"""


def main(cache_key: str, file: str) -> None:
    """Record a run, and print its id."""
    with lineal.run("spam", parameters={"seed": 7, "note": "nächtlich"}, description="of the tests") as run:
        print(run.id)  # noqa: T201

        @run.step(cache=True, cache_key=cache_key, version="1")
        def clean(mails: lineal.recorder.LoggedArtifact, share: float) -> list[object]:
            task = lineal.current_task()
            assert task is not None
            return [task.log_artifact("table", "s3://lake/table.parquet", type="Dataset"), share * 1000]

        with run.group("prepare"):
            mails = run.import_artifact(MAILS, "mails", type="Dataset")
            table, count = clean(mails, share=0.8)
        models = train(run, table, count)
        with run.task("choose", uses={"models": models}) as choose:
            choose.output("best", {"round": "large", "depth": 4})
            choose.log_file(file, "choice.json", metadata={"by": "hand"})
        with run.task("write a report"):
            subprocess.run([sys.executable, "-c", REPORT], check=True)
        with run.task("publish", uses=models[:1]):
            raise ConnectionError("the registry refused the model")


def train(run: lineal.Run, table: lineal.recorder.LoggedArtifact, count: int) -> list[lineal.recorder.LoggedArtifact]:
    """Train in a loop within a loop; return the models."""
    models = []
    with run.loop("rounds", ROUNDS) as rounds:
        for name in rounds:
            with rounds.task("sample", inputs={"round": name, "count": count}, uses=[table]) as sample:
                part = sample.log_artifact("part", f"s3://lake/{name}.parquet", type="Dataset")
            with rounds.loop("depths", DEPTHS) as depths:
                for depth in depths:
                    with depths.task("train", inputs={"depth": depth}, uses=[part]) as task:
                        for step, loss in enumerate((0.5, float("nan"), 0.25 / depth)):
                            task.log_metric("loss", loss, step=10 * step)
                        uri = f"s3://models/{name}-{depth}"
                        models.append(task.log_artifact("model", uri, type="Model", metadata={"depth": depth}))
    return models


if __name__ == "__main__":
    main(*sys.argv[1:])
