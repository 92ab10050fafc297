"""Series of metrics as parts of messages. Filled in field by field: a long series is sent again and again."""

import math
from typing import Any

from lineal.series import Series, plain_value
from lineal.v2beta1 import artifact_pb2


def fill(artifact: artifact_pb2.Artifact, series: Series) -> None:
    """Write a series into a new artifact of type Metric: its metadata, and its number, which has to be finite."""
    write_points(artifact.metadata["series"], series)
    artifact.metadata["points"].number_value = series.count
    if series.last_finite is not None:
        artifact.number_value = series.last_finite


def write_points(value: Any, series: Series) -> None:
    """Write the points of a series into a Value, as a list of {"step", "time", "value"}."""
    value.list_value.Clear()
    add = value.list_value.values.add
    for step, time, number in series.points():
        fields = add().struct_value.fields
        fields["step"].number_value = step
        fields["time"].number_value = time
        if math.isfinite(number):
            fields["value"].number_value = number
        else:
            fields["value"].string_value = plain_value(number)
    value.list_value.SetInParent()
