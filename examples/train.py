"""Train a small classifier and record how: `python examples/train.py --learning-rate 0.5`.

A logistic regression that tells points above a line from those below it, in plain Python. It is recorded by the lines that end with
`# recorded`; without them the script trains the same model. The server is LINEAL_SERVER, or else 127.0.0.1:8887. If there is none,
training goes on all the same, and `lineal sync` sends what was recorded later.

Needs only the package `lineal`.
"""

import argparse
import json
import math
import random
from collections.abc import Sequence
from pathlib import Path

import lineal  # recorded

Row = tuple[float, float, bool]


def rows(count: int) -> list[Row]:
    """Return random points, and whether each is above a line. Every tenth label is wrong."""
    chance = random.Random(7)
    points = [(chance.uniform(-1, 1), chance.uniform(-1, 1)) for _ in range(count)]
    return [(x, y, (y > 0.6 * x - 0.2) != (chance.random() < 0.1)) for x, y in points]


def probability(weights: Sequence[float], x: float, y: float) -> float:
    """Return how likely it is that a point is above the line."""
    return 1 / (1 + math.exp(-(weights[0] * x + weights[1] * y + weights[2])))


def loss(weights: Sequence[float], data: Sequence[Row]) -> float:
    """Return the mean cross entropy."""
    return -sum(math.log(p if label else 1 - p) for x, y, label in data for p in [probability(weights, x, y)]) / len(
        data
    )


def improved(weights: Sequence[float], data: Sequence[Row], learning_rate: float) -> list[float]:
    """Return the weights after one step of gradient descent."""
    errors = [(probability(weights, x, y) - label, x, y) for x, y, label in data]
    gradient = [sum(e * x for e, x, _ in errors), sum(e * y for e, _, y in errors), sum(e for e, _, _ in errors)]
    return [weight - learning_rate * slope / len(data) for weight, slope in zip(weights, gradient, strict=True)]


def accuracy(weights: Sequence[float], data: Sequence[Row]) -> float:
    """Return the share of points that are told right."""
    return sum((probability(weights, x, y) > 0.5) == label for x, y, label in data) / len(data)


def main(learning_rate: float, epochs: int, folder: Path) -> None:
    """Train, and write the model to a file."""
    data, weights = rows(600), [0.0, 0.0, 0.0]
    training, held_out = data[:400], data[400:]
    with lineal.run("above the line", parameters={"learning_rate": learning_rate, "epochs": epochs}) as run:  # recorded
        with run.task("fit") as task:  # recorded
            for epoch in range(epochs):
                weights = improved(weights, training, learning_rate)
                task.log_metric("loss", loss(weights, training), step=epoch)  # recorded
            model = folder / "model.json"
            model.write_text(json.dumps({"weights": weights}))
            artifact = task.log_file(model, type="Model")  # recorded
        with run.task("evaluate", uses=[artifact]) as task:  # recorded
            share = accuracy(weights, held_out)
            task.log_metric("accuracy", share)  # recorded
    print(f"accuracy {share:.3f}, model in {model}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning-rate", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--folder", type=Path, default=Path())
    options = parser.parse_args()
    main(options.learning_rate, options.epochs, options.folder)
