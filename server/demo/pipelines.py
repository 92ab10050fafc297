"""The three pipelines of the demo: one prepares a table of customers every night, two train models on it."""

from server.demo.parts import Output, Pipeline, Step

CUSTOMERS = "s3://lake/customers/latest.parquet"
"""Written every night, over the one of the night before."""

NIGHT_HOURS = 7.2
"""How many hours ago the last nightly run began; the others a day before it each."""

MINUTE = 60.0
DAYS = 24.0
_PREPARE, _CHURN, _VALUE = (
    "registry.example/prepare:2.3.0",
    "registry.example/churn:1.4.2",
    "registry.example/value:0.9.1",
)

PREPARE = Pipeline(
    "prepare-customers",
    "Every night: orders and accounts become one table of customers, which the training pipelines import.",
    "nightly",
    {"since_days": 365.0, "region": "eu"},
    ((24 * DAYS, "The first that runs on its own"), (10 * DAYS, "Compares the table with that of last week")),
    (
        Step(
            "import-orders",
            4,
            type="IMPORTER",
            makes=(Output("orders", "Dataset", "s3://warehouse/orders", {"format": "iceberg"}),),
        ),
        Step(
            "extract",
            6 * MINUTE,
            _PREPARE,
            takes={"orders": "import-orders.orders"},
            parameters=("since_days", "region"),
            makes=(Output("accounts", "Dataset", "s3://lake/prepare/{run}/accounts.parquet"),),
            results=("rows",),
        ),
        Step(
            "clean",
            3 * MINUTE,
            _PREPARE,
            takes={"accounts": "extract.accounts"},
            makes=(Output("clean", "Dataset", "s3://lake/prepare/{run}/clean.parquet"),),
            results=("dropped_rows",),
        ),
        Step(
            "drift-check",
            80,
            _PREPARE,
            takes={"table": "clean.clean"},
            makes=(Output("drift-report", "HTML", "s3://lake/prepare/{run}/drift.html"),),
            numbers=("psi_max",),
            since=2,
        ),
        Step(
            "publish",
            45,
            _PREPARE,
            takes={"table": "clean.clean"},
            makes=(Output("customers", "Dataset", CUSTOMERS),),
        ),
    ),
)

CHURN = Pipeline(
    "train-churn",
    "Which customers will leave? Trees of three depths are compared, and the best is registered if it is good enough.",
    "churn",
    {"learning_rate": 0.1, "trees": 400.0, "auc_required": 0.8},
    (
        (23 * DAYS, "Gradient-boosted trees"),
        (15 * DAYS, "Depth is tuned in a loop"),
        (6 * DAYS, "Refuses models below auc_required"),
    ),
    (
        Step("load-customers", 5, type="IMPORTER", makes=(Output("customers", "Dataset", CUSTOMERS),)),
        Step(
            "split",
            70,
            _CHURN,
            takes={"customers": "load-customers.customers"},
            makes=(
                Output("train", "Dataset", "s3://lake/churn/{run}/train.parquet"),
                Output("test", "Dataset", "s3://lake/churn/{run}/test.parquet"),
            ),
        ),
        Step(
            "tune",
            type="LOOP",
            over=("depth", (4.0, 6.0, 8.0)),
            steps=(
                Step(
                    "train",
                    9 * MINUTE,
                    _CHURN,
                    takes={"train": "split.train"},
                    parameters=("learning_rate", "trees"),
                    makes=(Output("candidate", "Model", "s3://lake/churn/{run}/candidate-{n}"),),
                    numbers=("auc_validation",),
                ),
            ),
        ),
        Step(
            "select-best",
            20,
            _CHURN,
            takes={"candidates": "train.candidate"},
            makes=(Output("best", "Model", "s3://lake/churn/{run}/best"),),
            results=("best_depth",),
        ),
        Step(
            "evaluate",
            2 * MINUTE,
            _CHURN,
            takes={"model": "select-best.best", "test": "split.test"},
            makes=(
                Output("roc", "ClassificationMetric", "s3://lake/churn/{run}/roc.json"),
                Output("confusion", "ClassificationMetric", "s3://lake/churn/{run}/confusion.json"),
            ),
            numbers=("auc", "accuracy"),
            results=("auc",),
        ),
        Step(
            "report",
            type="DAG",
            since=2,
            steps=(
                Step(
                    "plot",
                    25,
                    _CHURN,
                    takes={"model": "select-best.best"},
                    makes=(Output("importance", "HTML", "s3://lake/churn/{run}/importance.html"),),
                ),
                Step(
                    "render",
                    15,
                    _CHURN,
                    takes={"plot": "plot.importance", "roc": "evaluate.roc"},
                    makes=(Output("page", "Markdown", "s3://lake/churn/{run}/report.md"),),
                ),
            ),
        ),
        Step(
            "register",
            12,
            _CHURN,
            takes={"model": "select-best.best"},
            parameters=("auc_required",),
            passed={"auc": "evaluate.auc"},
            makes=(
                Output(
                    "churn-model", "Model", "s3://models/churn/latest", {"framework": "xgboost", "stage": "staging"}
                ),
            ),
        ),
    ),
)

VALUE = Pipeline(
    "train-value",
    "How much will a customer spend in a year? The model is registered only if it is better than the last one.",
    "customer value",
    {"quantile": 0.5, "horizon_days": 365.0},
    ((20 * DAYS, "Quantile regression"),),
    (
        Step("load-customers", 5, type="IMPORTER", makes=(Output("customers", "Dataset", CUSTOMERS),)),
        Step(
            "features",
            4 * MINUTE,
            _VALUE,
            takes={"customers": "load-customers.customers"},
            parameters=("horizon_days",),
            makes=(Output("features", "Dataset", "s3://lake/value/{run}/features.parquet"),),
            results=("columns",),
        ),
        Step(
            "train",
            21 * MINUTE,
            _VALUE,
            takes={"features": "features.features"},
            parameters=("quantile",),
            makes=(Output("candidate", "Model", "s3://lake/value/{run}/candidate"),),
        ),
        Step(
            "evaluate",
            95,
            _VALUE,
            takes={"model": "train.candidate", "features": "features.features"},
            numbers=("rmse", "r2"),
        ),
        Step(
            "if-better",
            type="CONDITION_BRANCH",
            steps=(
                Step(
                    "register",
                    12,
                    _VALUE,
                    takes={"model": "train.candidate"},
                    makes=(Output("value-model", "Model", "s3://models/value/latest", {"framework": "lightgbm"}),),
                ),
            ),
        ),
    ),
)

PIPELINES = (PREPARE, CHURN, VALUE)
