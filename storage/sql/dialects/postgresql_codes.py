"""SQLSTATEs of PostgreSQL: what they mean for a caller, and why there is no connection or no value. The dialect reads them."""

from collections.abc import Mapping

from storage.sql.dialects.dialect import Failure
from storage.sql.dialects.refusals import FORBIDDEN_VALUE, NOT_TEXT, OUT_OF_RANGE, TOO_LONG

FAILURES: Mapping[str | None, Failure] = {
    "23505": Failure.DUPLICATE,
    "23503": Failure.MISSING_PARENT,
    "40001": Failure.RETRY,  # serialization_failure
    "40P01": Failure.RETRY,  # deadlock_detected
    "55P03": Failure.RETRY,  # lock_not_available
    "22001": Failure.TOO_LARGE,
    "54000": Failure.TOO_LARGE,
    "22003": Failure.TOO_LARGE,  # numeric_value_out_of_range
    "25006": Failure.READ_ONLY,  # read_only_sql_transaction: a standby after failover
    "25P03": Failure.DISCONNECTED,  # idle_in_transaction_session_timeout
    "25P04": Failure.DISCONNECTED,  # transaction_timeout
    "3D000": Failure.UNAVAILABLE,  # invalid_catalog_name: no such database
    "42501": Failure.FORBIDDEN,  # insufficient_privilege
    "57014": Failure.UNAVAILABLE,  # query_canceled by the operator or a timeout
    "57P01": Failure.DISCONNECTED,  # admin_shutdown
    "57P02": Failure.DISCONNECTED,  # crash_shutdown
    "57P03": Failure.DISCONNECTED,  # cannot_connect_now: it starts, stops or recovers
    "57P04": Failure.UNAVAILABLE,  # database_dropped
    "57P05": Failure.DISCONNECTED,  # idle_session_timeout
}
_NO_CONNECTION_LEFT = "has no connection left: as many are open as the server, the database or the user may have"
REFUSALS: Mapping[str | int, str] = {
    "28P01": "refuses the password of this user, or does not know the user",
    "28000": "does not let this user log in: see the role's LOGIN, and pg_hba.conf, which may ask for encryption",
    "3D000": "does not exist: the server has no database of this name; create it, or correct the URL",
    "42501": "does not let this user connect; GRANT CONNECT ON DATABASE allows it",
    "53300": _NO_CONNECTION_LEFT,
    "53400": _NO_CONNECTION_LEFT,
    "55000": "takes no connections",
    "57P03": "is starting, stopping or recovering; try again",
}
VALUE_REFUSALS: Mapping[str | int, str] = {
    "22001": TOO_LONG,
    "22003": OUT_OF_RANGE,
    "22021": NOT_TEXT,
    "22P05": NOT_TEXT,
    "23514": FORBIDDEN_VALUE,  # check_violation
    "P0001": FORBIDDEN_VALUE,  # raise_exception, in a trigger
}
CLASSES: Mapping[str, Failure] = {
    "08": Failure.DISCONNECTED,
    "53": Failure.UNAVAILABLE,
    "58": Failure.UNAVAILABLE,
    "28": Failure.UNAVAILABLE,
}
