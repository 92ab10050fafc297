"""The error numbers of MySQL and MariaDB, and of their drivers: what they mean to the store, and to an operator.

The dialect calls this. Numbers below 2000 and above 3000 are the server's, the others a driver's.
"""

from collections.abc import Mapping

from storage.sql.dialects.dialect import Failure
from storage.sql.dialects.refusals import FORBIDDEN_VALUE, NO_SERVER, NOT_TEXT, OUT_OF_RANGE, TOO_LONG

NO_CONNECTION = 2003
ACCESS_DENIED = 1045

FAILURES: Mapping[int | None, Failure] = {
    1062: Failure.DUPLICATE,
    1216: Failure.MISSING_PARENT,
    1451: Failure.MISSING_PARENT,  # a row that others refer to cannot be deleted
    1452: Failure.MISSING_PARENT,
    1205: Failure.RETRY,  # lock wait timeout
    1213: Failure.RETRY,  # deadlock
    1412: Failure.RETRY,  # the table was altered since the snapshot began
    1020: Failure.RETRY,  # MariaDB: record changed since it was read (innodb_snapshot_isolation)
    1406: Failure.TOO_LARGE,  # data too long
    1264: Failure.TOO_LARGE,  # number out of range
    1153: Failure.TOO_LARGE,  # packet too large
    1040: Failure.UNAVAILABLE,  # too many connections
    1203: Failure.UNAVAILABLE,  # too many connections of this user
    1226: Failure.UNAVAILABLE,
    1021: Failure.UNAVAILABLE,  # disk full
    1114: Failure.UNAVAILABLE,  # table full
    1290: Failure.READ_ONLY,  # --read-only: a replica
    1792: Failure.READ_ONLY,  # read-only transaction
    1836: Failure.READ_ONLY,  # read-only mode
    1047: Failure.READ_ONLY,  # Galera: a node that has left its cluster
    1044: Failure.FORBIDDEN,  # access denied
    1045: Failure.FORBIDDEN,
    1142: Failure.FORBIDDEN,
    1143: Failure.FORBIDDEN,
    1370: Failure.FORBIDDEN,
    1227: Failure.FORBIDDEN,
    1049: Failure.UNAVAILABLE,  # unknown database
    1317: Failure.UNAVAILABLE,  # the operator ended the statement
    1969: Failure.UNAVAILABLE,  # MariaDB: max_statement_time
    3024: Failure.UNAVAILABLE,  # MySQL: max_execution_time
    NO_CONNECTION: Failure.UNAVAILABLE,  # nothing listens on the port
    1053: Failure.DISCONNECTED,  # server shutdown
    1927: Failure.DISCONNECTED,  # MariaDB: connection was killed
    4031: Failure.DISCONNECTED,  # MySQL: idle for too long
    2006: Failure.DISCONNECTED,
    2013: Failure.DISCONNECTED,
    2014: Failure.DISCONNECTED,
}
"""What an error of a statement, or of the connection, means to the store."""

VALUE_REFUSALS: Mapping[str | int, str] = {
    1264: OUT_OF_RANGE,
    1366: NOT_TEXT,
    1406: TOO_LONG,
    1644: FORBIDDEN_VALUE,  # SIGNAL, in a trigger
    3819: FORBIDDEN_VALUE,  # MySQL: CHECK
    4025: FORBIDDEN_VALUE,  # MariaDB: CHECK
}
"""Why a value was refused: the rest of a sentence about the value."""

_NO_CONNECTION_LEFT = "has no connection left: as many are open as the server or the user may have"
_UNKNOWN_WAY = "identifies this user in a way that is not supported here"
_PASSWORD_EXPIRED = "does not let this user in: its password has expired"
REFUSALS: Mapping[str | int, str] = {
    1044: "does not let this user use the database; GRANT … ON the database allows it",
    1045: "refuses the password of this user, or does not know the user at this host",
    1698: "refuses the password of this user, or does not know the user at this host",
    1049: "does not exist: the server has no database of this name; create it, or correct the URL",
    1040: _NO_CONNECTION_LEFT,
    1203: _NO_CONNECTION_LEFT,
    1226: _NO_CONNECTION_LEFT,
    1129: "has blocked this host after failed connections; FLUSH HOSTS lets it in again",
    1130: "does not let this host connect",
    1820: _PASSWORD_EXPIRED,
    1862: _PASSWORD_EXPIRED,
    3118: "has locked this user",  # MySQL
    4151: "has locked this user",  # MariaDB
    1251: _UNKNOWN_WAY,
    1524: _UNKNOWN_WAY,
    2059: _UNKNOWN_WAY,
    3159: "takes encrypted connections only; name an authority with ssl_ca",
    2013: NO_SERVER,
    2026: "cannot be used: it does not encrypt connections, as the URL asks, or not in a way that is accepted here",
}
"""Why a connection was refused: the rest of a sentence about the database."""
