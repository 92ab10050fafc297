"""What makes a start fail, one case per row of the table in docs/operations.md. The test of that table runs them.

A case is given a store of its own and a folder, and returns the words that follow a command.
"""

import contextlib
import secrets
import socket
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from migrations.upgrade import upgrade
from tests.databases import sqlite_path
from tests.databases.engine import database_in, with_database
from tests.databases.private import free_port
from tests.databases.queries import execute
from tests.faults.cluster import serving
from tests.migrations.refusing import changed
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import STORES

ALL = ("serve", "upgrade", "doctor", "import-mlmd")
PASSWORD = "geheim"
CREATE = {
    "postgresql": "CREATE ROLE {name} LOGIN PASSWORD '{password}'",
    "mysql": "CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'",
}
DROP = {"postgresql": "DROP ROLE {name}", "mysql": "DROP USER {name}@'127.0.0.1'"}


@dataclass(slots=True)
class Place:
    """Where a case happens: an empty database, a folder, and what must be ended afterwards."""

    url: str
    folder: Path
    stack: contextlib.ExitStack
    environment: dict[str, str] = field(default_factory=dict)

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content)
        return str(path)

    def user(self, *statements: str) -> str:
        """The URL of the database as a new user, whom statements make; the last of them drops it in the end."""
        name = f"user_{secrets.token_hex(4)}"
        words = {"name": name, "password": PASSWORD, "database": database_in(self.url)}
        *makes, drop = (statement.format(**words) for statement in statements)
        for make in makes:
            execute(self.url, make)
        self.stack.callback(execute, self.url, drop)
        return changed(self.url, account=f"{name}:{PASSWORD}")


Make = Callable[[Place], list[str]]


@dataclass(frozen=True, slots=True)
class Case:
    """On which databases a case happens, whatever the database is if none, and to which commands."""

    make: Make
    kinds: tuple[str, ...]
    commands: tuple[str, ...]


CASES: dict[str, Case] = {}


def case(row: str, *kinds: str, commands: tuple[str, ...] = ALL) -> Callable[[Make], Make]:
    """Register the case of a row."""

    def register(make: Make) -> Make:
        CASES[row] = Case(make, kinds, commands)
        return make

    return register


def settings(row: str, *words: str, **environment: str) -> None:
    """Register a case of settings alone, which only `serve` and `config` have all of."""

    def make(place: Place) -> list[str]:
        place.environment.update(environment)
        return list(words)

    case(row, commands=("config",) if "warning" in row else ("serve", "config", "doctor"))(make)


SERVER = f"postgresql://lineal:{PASSWORD}@db.example/lineal"

settings("a variable is misspelt (a warning)", LINEAL_POOL_SIZ="5")
settings("a variable is not a number", LINEAL_POOL_SIZE="many")
settings("a number is out of its range", "--pool-size", "0")
settings("an address is not HOST:PORT", "--grpc", "nowhere")
settings("a list of origins has something else", "--cors-origins", f"https://lineal:{PASSWORD}@ui.example")
settings("the settings file is not there", "--settings-file", "/nowhere/settings.toml")
settings("two doors have one address", "--rest", "127.0.0.1:8887")
settings("two doors have overlapping addresses", "--rest", "0.0.0.0:8887")
settings("workers share a SQLite file", "--workers", "2")
settings("the default of pages is above their maximum", "--page-size-default", "500")
settings("a message may be larger than all together", "--bytes-in-flight-max", "1048576")
settings("one address may have more connections than all", "--connections-per-peer-max", "501")
settings("the sweep comes later than the grace ends", "--cancel-grace-seconds", "1")
settings(
    "hosts are listed for a check that is off",
    "--no-package-url-validation",
    "--package-url-allowed-domains",
    "example.org",
)
settings("the store URL has another scheme", "--store", f"oracle://lineal:{PASSWORD}@db.example/lineal")
settings("the store URL has an unknown option", "--store", f"postgresql://db.example/x?sslpassword={PASSWORD}")
settings("a password in the store URL is not encoded", "--store", f"postgresql://lineal:{PASSWORD}/@db.example/lineal")
settings("the store URL names no database", "--store", f"mysql://lineal:{PASSWORD}@db.example")
settings("the store URL asks for an unknown encryption", "--store", f"{SERVER}?sslmode=full")
settings("the store URL has a key without its certificate", "--store", "mysql://db.example/x?ssl_ca=a&ssl_key=b")
settings("a URL is given without --store", SERVER)
settings("there are two passwords", "--store", SERVER, "--store-password-file", "/nowhere/password")
settings(
    "there is a password for SQLite", "--store", "sqlite:///x.sqlite", "--store-password-file", "/nowhere/password"
)
settings(
    "the password file is not there",
    "--store",
    "postgresql://lineal@db.example/lineal",
    "--store-password-file",
    f"/nowhere/{PASSWORD}",
)


@case("the settings file is not TOML", commands=("serve", "config", "doctor", "upgrade"))
def not_toml(place: Place) -> list[str]:
    return ["--settings-file", place.file("settings.toml", "pool_size =")]


@case("the settings file has an unknown name", commands=("serve", "config", "doctor", "upgrade"))
def unknown_name(place: Place) -> list[str]:
    return ["--settings-file", place.file("settings.toml", "pool_sise = 5")]


@case("the password file is empty", commands=("serve", "config", "doctor"))
def empty_password(place: Place) -> list[str]:
    return ["--store", "postgresql://lineal@db.example/lineal", "--store-password-file", place.file("password", "\n")]


@case("PostgreSQL: the password is wrong, or the user unknown", "postgresql")
@case("MariaDB: the password is wrong, or the user unknown", "mysql")
def wrong_password(place: Place) -> list[str]:
    return ["--store", changed(place.url, account=f"lineal:{PASSWORD}")]


@case("PostgreSQL: the user may not log in", "postgresql")
def no_login(place: Place) -> list[str]:
    return ["--store", place.user("CREATE ROLE {name} NOLOGIN PASSWORD '{password}'", DROP["postgresql"])]


@case("PostgreSQL: the user may not connect", "postgresql")
def no_connect(place: Place) -> list[str]:
    execute(place.url, f"REVOKE CONNECT ON DATABASE {database_in(place.url)} FROM PUBLIC")
    return ["--store", place.user(CREATE["postgresql"], DROP["postgresql"])]


@case("MariaDB: the user may not use the database", "mysql")
def no_use(place: Place) -> list[str]:
    return ["--store", place.user(CREATE["mysql"], DROP["mysql"])]


@case("PostgreSQL: no encryption, which is asked for", "postgresql")
def no_encryption(place: Place) -> list[str]:
    return ["--store", f"{place.url}?sslmode=require"]


@case("PostgreSQL: no file of authorities", "postgresql")
def no_authorities(place: Place) -> list[str]:
    place.environment["HOME"] = str(place.folder)
    return ["--store", f"{place.url}?sslmode=verify-full"]


@case("MariaDB: no encryption, which is asked for", "mysql")
def no_encryption_there(place: Place) -> list[str]:
    path = place.folder / "authorities.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return ["--store", f"{place.url}?ssl_ca={path}"]


@case("MariaDB: no file of authorities", "mysql")
def no_authorities_there(place: Place) -> list[str]:
    return ["--store", f"{place.url}?ssl_ca={place.folder}/none.pem"]


@case("the database does not exist", "postgresql", "mysql")
def no_database(place: Place) -> list[str]:
    return ["--store", with_database(place.url, "no_such_database")]


@case("nothing listens on the port", "postgresql", "mysql")
def nobody(place: Place) -> list[str]:
    return ["--store", changed(place.url, port=free_port())]


@case("the host is unknown", "postgresql", "mysql")
def unknown_host(place: Place) -> list[str]:
    return ["--store", changed(place.url, host="no-such-host.invalid")]


@case("every connection is taken", "postgresql", "mysql")
def no_connection_left(place: Place) -> list[str]:
    if place.url.startswith("postgresql"):
        return ["--store", place.user(CREATE["postgresql"] + " CONNECTION LIMIT 0", DROP["postgresql"])]
    limited = CREATE["mysql"] + " WITH MAX_CONNECTIONS_PER_HOUR 1"
    url = place.user(limited, "GRANT ALL ON {database}.* TO {name}@'127.0.0.1'", DROP["mysql"])
    execute(url, "SELECT 1")
    return ["--store", url]


@case("an upgrade may not make tables", "postgresql", "mysql", commands=("upgrade",))
def no_tables(place: Place) -> list[str]:
    if place.url.startswith("postgresql"):
        return ["--store", place.user(CREATE["postgresql"], DROP["postgresql"])]
    return ["--store", place.user(CREATE["mysql"], "GRANT SELECT ON {database}.* TO {name}@'127.0.0.1'", DROP["mysql"])]


@case("another program listens on the port", "postgresql", "mysql")
def another_program(place: Place) -> list[str]:
    server = place.stack.enter_context(serving(f"sqlite:///{place.folder}/other.sqlite"))
    return ["--store", changed(place.url, port=int(server.rest.rpartition(":")[2]))]


@case("the database has no schema", "postgresql", "mysql", commands=("serve", "doctor", "import-mlmd"))
def no_schema(place: Place) -> list[str]:
    return ["--store", place.url]


@case("SQLite: no file, for `doctor`", "sqlite", commands=("doctor",))
def no_file(place: Place) -> list[str]:
    return ["--store", f"sqlite:///{place.folder}/none.sqlite"]


@case("SQLite: no folder can be made", "sqlite", commands=("serve", "upgrade", "import-mlmd"))
def no_folder(place: Place) -> list[str]:
    return ["--store", f"sqlite:///{place.file('file', '')}/lineal.sqlite"]


@case("SQLite: the file is a folder", "sqlite")
def a_folder(place: Place) -> list[str]:
    return ["--store", f"sqlite:///{place.folder}"]


@case("SQLite: the file is damaged, or not a database", "sqlite")
def damaged(place: Place) -> list[str]:
    return ["--store", f"sqlite:///{place.file('lineal.sqlite', 'no database ' * 100)}"]


@case("SQLite: another server serves the file", "sqlite", commands=("serve",))
def served(place: Place) -> list[str]:
    place.stack.enter_context(serving(place.url))
    return ["--store", place.url]


@case("the database is MLMD's", "sqlite", "postgresql", "mysql")
def of_mlmd(place: Place) -> list[str]:
    if place.url.startswith("sqlite"):
        sqlite_path(place.url).write_bytes((STORES / "tfx_like.sqlite").read_bytes())
    else:
        for name in ("Artifact", "Event", "Execution", "MLMDEnv", "Type"):
            execute(place.url, f"CREATE TABLE {name} (id INTEGER)")
    return ["--store", place.url]


@case("the database is KFP's", "sqlite", "postgresql", "mysql")
def of_kfp(place: Place) -> list[str]:
    make_kfp_database(place.url)
    return ["--store", place.url]


@case("the database is another program's", "sqlite", "postgresql", "mysql")
def of_another(place: Place) -> list[str]:
    execute(place.url, "CREATE TABLE tasks (id INTEGER, due INTEGER)")
    return ["--store", place.url]


@case("the schema is newer", "sqlite")
def newer(place: Place) -> list[str]:
    upgrade(place.url)
    with contextlib.closing(sqlite3.connect(sqlite_path(place.url))) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffff'")
        database.execute("DELETE FROM settings WHERE name = 'readable_since'")
        database.commit()
    return ["--store", place.url]


@case("the address of a door is taken", "sqlite", commands=("serve",))
def taken(place: Place) -> list[str]:
    listener = place.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    return ["--store", place.url, "--grpc", f"127.0.0.1:{listener.getsockname()[1]}"]
