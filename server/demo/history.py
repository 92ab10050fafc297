"""The forty runs of the demo, oldest first: most end well, a table drifts, and the model trained on it is refused."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from server.demo.parts import Failure, Metadata, Run
from server.demo.pipelines import CHURN, NIGHT_HOURS, PREPARE, VALUE

NIGHTS = 20
DRIFTED_NIGHTS = 1
"""In how many of the last nights the table of customers had drifted."""

FAILED_NIGHT = 9
_TIMED_OUT = (
    "OperationalError: connection to warehouse.example:5432 timed out after 30 s\n"
    "  extract.py, line 88, in read_orders\n"
    "    rows = warehouse.query(ORDERS, since=since)\n"
    "The warehouse was restarted at 02:10 for an upgrade; two retries failed as well."
)
_REFUSED = (
    "the registry refused the model: AUC 0.714 is below auc_required = 0.8\n"
    "The last registered version of churn-model has 0.874. The data has changed: the largest population stability index in "
    "customers is 0.41 (column last_order_days), and 0.25 counts as drift."
)
_KILLED = (
    "OOMKilled: the container used 8.0 GiB, its limit\n"
    "Exit code 137 in train.py, epoch 3 of 12, while the quantile loss was computed on 2,140,118 rows."
)
_NO_ROOM = "XGBoostError: out of memory on the device: trees of depth 8 need 8.2 GiB, 7.9 GiB are free"

CHURN_HOURS = (453.0, 431.0, 405.0, 381.0, 378.9, 308.0, 261.0, 212.0, 208.5, 117.0, 69.0, 3.1, 0.3)
VALUE_HOURS = (449.0, 377.0, 305.0, 233.0, 161.0, 89.0)


def runs() -> list[Run]:
    """Return all runs, oldest first; always the same."""
    told = [*_nights(), *_churn(), *_value()]
    return sorted(told, key=lambda run: -run.hours_ago)


def _nights() -> Iterator[Run]:
    for night in reversed(range(NIGHTS)):
        number = NIGHTS - night
        random = Random(number)
        has_drifted = night < DRIFTED_NIGHTS
        rows = 2_100_000 + number * 1_907 + random.randrange(900)
        psi = 0.41 if has_drifted else round(random.uniform(0.02, 0.09), 3)
        customers = {"rows": rows - 5_118, "columns": 48}
        hours = night * 24 + NIGHT_HOURS
        run = Run(
            PREPARE,
            1 if hours > PREPARE.versions[1][0] else 2,
            f"customers night {number}",
            hours,
            values={"rows": rows, "dropped_rows": random.randrange(4_000, 6_000), "psi_max": psi},
            metadata={"publish.customers": customers | ({"drifted": "last_order_days"} if has_drifted else {})},
            slowness=random.uniform(0.8, 1.3),
        )
        if night == FAILED_NIGHT:
            yield replace(run, failure=Failure("extract", _TIMED_OUT))
            run = replace(run, name=f"{run.name}, again", hours_ago=run.hours_ago - 3.4)
        yield run


def _churn() -> Iterator[Run]:
    for number, hours in enumerate(CHURN_HOURS, 1):
        random = Random(100 + number)
        is_bad = hours == CHURN_HOURS[-2]
        auc = 0.714 if is_bad else 0.874 if hours == CHURN_HOURS[-3] else round(random.uniform(0.855, 0.872), 3)
        validation = [round(auc + offset + random.uniform(-0.002, 0.002), 3) for offset in (-0.021, 0.004, -0.008)]
        accuracy = round(auc - 0.031, 3)
        run = Run(
            CHURN,
            sum(uploaded > hours for uploaded, _ in CHURN.versions),
            f"churn {number}",
            hours,
            {"learning_rate": (0.1, 0.05, 0.2)[number % 3], "trees": 400.0 + 100 * (number // 5)},
            {f"auc_validation[{n}]": value for n, value in enumerate(validation)}
            | {"best_depth": 6.0, "auc": auc, "accuracy": accuracy},
            {
                "evaluate.roc": _roc(auc),
                "evaluate.confusion": _confusion(accuracy),
                "register.churn-model": {"version": f"1.{number}", "auc": auc},
            },
            slowness=random.uniform(0.85, 1.2),
        )
        yield _special_churn(run, number, is_bad=is_bad)


def _special_churn(run: Run, number: int, *, is_bad: bool) -> Run:
    if is_bad:
        return replace(run, failure=Failure("register", _REFUSED))
    match number:
        case 4:
            return replace(run, failure=Failure("train", _NO_ROOM, iteration=2))
        case 5:
            return replace(run, cached=("split",), is_archived=True)
        case 8:
            return replace(run, stops_at="train", is_canceled=True)
        case 9:
            return replace(run, cached=("split",))
        case 13:
            return replace(run, stops_at="train")
    return run


def _value() -> Iterator[Run]:
    for number, hours in enumerate(VALUE_HOURS, 1):
        random = Random(200 + number)
        rmse = round(41.5 - number * 0.6 + random.uniform(-0.4, 0.4), 2)
        run = Run(
            VALUE,
            1,
            f"value {number}",
            hours,
            {"quantile": 0.5 if number < 4 else 0.6},
            {"columns": 112.0, "rmse": rmse, "r2": round(0.62 + number * 0.008, 3)},
            {"register.value-model": {"version": f"0.{number}", "rmse": rmse}},
            slowness=random.uniform(0.9, 1.3),
        )
        match number:
            case 3:
                run = replace(run, skipped=("register",))
            case 4:
                run = replace(run, failure=Failure("train", _KILLED))
            case 6:
                run = replace(run, stops_at="train")
        yield run


def _roc(auc: float) -> Metadata:
    """Return points of a curve with this area below it: recall is a power of the false positive rate."""
    power = 1 / auc - 1
    rates = [(point / 20) ** 2 for point in range(21)]
    points = [
        {
            "confidenceThreshold": round(1 - rate**0.5, 3),
            "falsePositiveRate": round(rate, 4),
            "recall": round(rate**power, 4) if rate else 0.0,
        }
        for rate in rates
    ]
    return {"confidenceMetrics": points}


def _confusion(accuracy: float) -> Metadata:
    """Return the counts of a test with 20,000 customers, 4,000 of whom left."""
    wrong = round(20_000 * (1 - accuracy))
    missed = min(wrong * 2 // 5, 3_000)
    matrix = [[16_000 - (wrong - missed), wrong - missed], [missed, 4_000 - missed]]
    names = [{"displayName": "stays"}, {"displayName": "leaves"}]
    return {"confusionMatrix": {"annotationSpecs": names, "rows": [{"row": row} for row in matrix]}}
