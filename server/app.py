"""The composition root: settings → store → dispatcher → doors. Also starts, drains and stops a server process.

The only module that refers to SqlStore. The command line calls `serve`.
"""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import migrations.upgrade
from server import __version__
from server.api import Api
from server.apis.kfp.api import KFP
from server.apis.kfp_v1beta1.api import KFP_V1BETA1
from server.apis.lineal.api import LINEAL
from server.calls import policy
from server.calls.admission import Admission
from server.calls.apart import SerializedMessage
from server.calls.authority import SingleUser
from server.calls.call import Call, Handler, Shared, microseconds_now
from server.calls.caller import SINGLE_USER_SCOPE, Caller, Identity
from server.calls.dispatcher import Dispatcher
from server.calls.elsewhere import Elsewhere, Recipe
from server.calls.web_ui import ui_address
from server.config import Settings, ignored_settings
from server.doors.grpc.behaviour import CallLimits
from server.doors.grpc.door import GrpcDoor
from server.doors.rest.door import RestDoor
from server.pages import page_routes
from server.process.admin import AdminDoor
from server.process.health import PROBE_PATHS, health_routes
from server.process.memory import give_back, map_large_blocks
from server.process.metrics import Gauges, Metrics
from server.process.refused import Refusals
from server.process.telemetry import log
from server.process.workers import run_workers
from server.sweep import sweep
from server.ui.facts import Facts
from server.ui.routes import browser_error, ui_routes
from storage import slices
from storage.pages import PageTokens
from storage.record import record
from storage.sql.dialects import dialect_for
from storage.sql.dialects.sessions import SessionLimits
from storage.sql.elsewhere import StoreElsewhere
from storage.sql.store import SqlStore

APIS: tuple[Api, ...] = (KFP, KFP_V1BETA1, LINEAL)
"""The APIs that are served."""

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter while others wait for it: Python's 5 ms are longer than most calls take.

A transaction needs the interpreter back after each of its statements, and the event loop after each message that it sends.
"""

ROWS_MAX = 200
"""How many tasks of runs a call may read in this process: twenty milliseconds of work. Calls that read more are answered in helpers."""

CLOSE_SECONDS = 2.0  # how long the connections to the database may take to close


@record
class Addresses:
    """The addresses that a server listens on."""

    grpc: str
    rest: str
    admin: str = ""


async def prepare_store(settings: Settings) -> str:
    """Upgrade the schema if that is allowed, otherwise check it, and return its revision; raises SchemaMismatch or Unavailable."""
    if dialect_for(settings.store).upgrades_itself or settings.upgrade:
        plan = await migrations.upgrade.upgrade_async(settings.store)
    else:
        plan = await migrations.upgrade.check(settings.store)
    return plan.steps[-1] if plan.steps else plan.revision or ""


async def examine_database(settings: Settings) -> tuple[list[str], list[str]]:
    """Return what is wrong with a store's database, and what could be better, one sentence each; raises Unavailable."""
    store = SqlStore(settings.store, pool_size=1, limits=_session_limits(settings))
    try:
        return await store.problems(), await store.advice()
    finally:
        await store.close()


Ask = Callable[[Handler, Any], Awaitable[Any]]
"""Returns a handler's answer to a request. Raises what the handler raises."""


@contextlib.asynccontextmanager
async def asking(settings: Settings, *, now: Callable[[], int] = microseconds_now) -> AsyncIterator[Ask]:
    """Let handlers answer requests with messages, without a door and with the rights of single-user mode, until the block ends.

    `now` is their clock, in microseconds UTC. Their page tokens are worth nothing to others.
    """
    store = SqlStore(settings.store, pool_size=1, limits=_session_limits(settings))
    shared = Shared(store=store, tokens=PageTokens(os.urandom(16)), settings=settings, now=now)

    async def answer(handler: Handler, request: Any) -> Any:
        call = Call(shared, Caller(door="command"), start=time.monotonic())
        call.admit(Identity(), SINGLE_USER_SCOPE)
        made = await handler(call, request)
        return made.message() if isinstance(made, SerializedMessage) else made

    try:
        yield answer
    finally:
        await store.close()


async def ask(settings: Settings, handler: Handler, request: Any) -> Any:
    """Return a handler's answer to one request, as `asking` does. Raises what it raises."""
    async with asking(settings) as answer:
        return await answer(handler, request)


@contextlib.asynccontextmanager
async def running(
    settings: Settings, apis: Sequence[Api] | None = None, *, schema: str | None = None
) -> AsyncIterator[Addresses]:
    """Serve APIs, by default APIS, on a prepared store until the block ends, then drain and close.

    `schema` is what `prepare_store` returned, which is looked up if it is not given.
    Raises OSError if an address is in use, MissingPolicy if something that is served has no policy line.
    """
    apis = APIS if apis is None else apis
    _require_policy(apis)
    limits = _session_limits(settings)
    store = SqlStore(settings.store, pool_size=settings.pool_size, limits=limits)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(_close, store)
        token_key = await store.page_token_key()
        shared = Shared(store=store, tokens=PageTokens(token_key), settings=settings, rows_max=ROWS_MAX)
        slices.give_way_while(store.has_writes)
        dialect = dialect_for(settings.store)
        if schema is None:
            schema = (await migrations.upgrade.plan_async(settings.store)).revision or ""
        build = {"version": __version__, "schema": schema, "store": dialect.name}
        metrics = Metrics(Gauges(store.pool_use, store.size_bytes), build=build)
        refusals = Refusals(metrics.count_refusal)
        # First and last: it also tells that the server is not ready yet, or any more.
        admin = await stack.enter_async_context(_admin_door(shared, metrics, refusals))
        admission = Admission(calls_max=settings.calls_max, bytes_max=settings.bytes_in_flight_max)
        recipe = Recipe(StoreElsewhere(settings.store, dialect.place, limits), token_key, settings)
        elsewhere = Elsewhere(recipe, admission)
        stack.push_async_callback(elsewhere.close)
        dispatcher = Dispatcher(shared, SingleUser(), observe=metrics.observe, elsewhere=elsewhere, refusals=refusals)
        grpc = _grpc_door(settings, dispatcher, apis, admission)
        grpc_port = await grpc.start(settings.grpc)
        doors: list[GrpcDoor | RestDoor] = [grpc]
        stack.push_async_callback(_stop, doors, settings.drain_seconds)
        facts = Facts(__version__, dialect.label, schema, _with_port(settings.grpc, grpc_port), settings.rest)
        rest = RestDoor(
            dispatcher,
            apis,
            settings,
            plain_routes=[
                *health_routes(settings, is_ready=store.ready),
                *page_routes(metrics, apis),
                *ui_routes(facts, shared, dispatcher, apis),
            ],
            error_page=browser_error,
            admission=admission,
            probe_paths=PROBE_PATHS,
            share_port=settings.workers > 1,
            refusals=refusals,
        )
        rest_port = await _listening(rest.start(settings.rest), settings.rest)
        doors.append(rest)
        shared.web_ui.url = ui_address(_with_port(settings.rest, rest_port), settings.ui_url)
        for chore in (sweep(shared), give_back()):
            stack.callback(asyncio.create_task(chore).cancel)
        stack.enter_context(admin.serving())
        yield Addresses(_with_port(settings.grpc, grpc_port), _with_port(settings.rest, rest_port), admin.address)


def _session_limits(settings: Settings) -> SessionLimits:
    return SessionLimits(statement_seconds=max(settings.call_seconds_max, settings.rest_seconds))


def _grpc_door(settings: Settings, dispatcher: Dispatcher, apis: Sequence[Api], admission: Admission) -> GrpcDoor:
    return GrpcDoor(
        dispatcher,
        [method for api in apis for method in api.methods],
        admission,
        CallLimits(
            message_bytes=settings.message_bytes_max,
            message_seconds=settings.http_body_seconds,
            call_seconds=settings.call_seconds_max,
            unread_seconds=settings.http_idle_seconds,
        ),
        with_reflection=settings.reflection,
        share_port=settings.workers > 1,
    )


@dataclass(slots=True)
class _Admin:
    """The admin door, if there is one."""

    door: AdminDoor | None = None
    address: str = ""

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Let the door say that the server is ready, until the block ends."""
        if self.door is not None:
            self.door.is_serving = True
        yield
        if self.door is not None:
            self.door.is_serving = False


@contextlib.asynccontextmanager
async def _admin_door(shared: Shared, metrics: Metrics, refusals: Refusals) -> AsyncIterator[_Admin]:
    settings = shared.settings
    if not settings.admin:
        yield _Admin()
        return
    door = AdminDoor(shared, metrics, refusals, share_port=settings.workers > 1)
    port = await _listening(door.start(), settings.admin)
    try:
        yield _Admin(door, _with_port(settings.admin, port))
    finally:
        await door.stop()


async def _stop(doors: list[GrpcDoor | RestDoor], drain_seconds: float) -> None:
    await asyncio.gather(*(door.stop(drain_seconds) for door in doors))


async def _close(store: SqlStore) -> None:
    # A database that hangs does not confirm the closing of a connection; the process then ends with connections open.
    await asyncio.wait([asyncio.create_task(store.close())], timeout=CLOSE_SECONDS)


async def _listening(starting: Awaitable[int], address: str) -> int:
    try:
        return await starting
    except OSError as error:
        raise OSError(f"cannot listen on {address}: {error.strerror or error}") from error


def _require_policy(apis: Sequence[Api]) -> None:
    policy.require_lines([served for api in apis for served in api.served()])


def _with_port(address: str, port: int) -> str:
    return f"{address.rpartition(':')[0]}:{port}"


async def serve_until_signal(
    settings: Settings,
    announce: Callable[[Addresses], None],
    *,
    lifeline: int | None = None,
    schema: str | None = None,
) -> None:
    """Serve a prepared store until SIGTERM or SIGINT, or until the file descriptor `lifeline` reaches EOF."""
    sys.setswitchinterval(SWITCH_SECONDS)
    map_large_blocks()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with running(settings, schema=schema) as addresses:
        # Handled only from here on: while the server is still waiting for its database, a signal simply ends the process.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if lifeline is not None:
            loop.add_reader(lifeline, stop.set)
        gc.freeze()  # what a server has made to begin with stays until it ends, and no collection needs to look at it
        announce(addresses)
        where = {"grpc": addresses.grpc, "rest": addresses.rest, "admin": addresses.admin}
        log.info("serving", **{door: address for door, address in where.items() if address}, version=__version__)
        await stop.wait()
        if lifeline is not None:
            loop.remove_reader(lifeline)
        log.info("draining", seconds=settings.drain_seconds)
    log.info("stopped")


def serve(settings: Settings, announce: Callable[[Addresses], None]) -> None:
    """Prepare the store and serve it, in this process or in workers, until SIGTERM or SIGINT.

    Raises StorageError if the store cannot be served, OSError if an address is in use, WorkerFailed if a worker cannot
    start, MissingPolicy if something that is served has no policy line. The process must then end with os._exit, because
    calls that the drain has cut off may still be running.
    """
    _require_policy(APIS)  # here, so that the error is reported once and not by each worker
    _allow_connections()
    for name in ignored_settings(settings):
        log.warning("setting ignored", setting=name)
    with dialect_for(settings.store).claim():
        schema = asyncio.run(prepare_store(settings))
        if settings.workers == 1:
            _run(serve_until_signal(settings, announce, schema=schema))
        else:
            _serve_in_workers(settings, announce, schema)


def _allow_connections() -> None:
    """Raise the limit of open files to its maximum: the default is 1,024, and there may be more pods than that."""
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems refuse a limit that they report as allowed; the server then runs with the present one.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Run to completion without closing the event loop, which would wait for calls that the drain has cut off."""
    asyncio.Runner().run(serving)


def _serve_in_workers(settings: Settings, announce: Callable[[Addresses], None], schema: str) -> None:
    with contextlib.ExitStack() as stack:
        wanted = (settings.grpc, settings.rest, settings.admin)
        addresses = Addresses(*(_reserve(stack, address) if address else "" for address in wanted))
        worker_settings = replace(settings, grpc=addresses.grpc, rest=addresses.rest, admin=addresses.admin)

        def serve_in_worker(on_serving: Callable[[], None], lifeline: int) -> None:
            _run(serve_until_signal(worker_settings, lambda _: on_serving(), lifeline=lifeline, schema=schema))

        gc.freeze()  # workers share the memory of what no collection touches
        run_workers(settings.workers, serve_in_worker, on_serving=lambda: announce(addresses))


def _reserve(stack: contextlib.ExitStack, address: str) -> str:
    """Bind an address that the workers will share; port 0 becomes a free port, which stays reserved."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # A socket with SO_REUSEPORT could bind a port that another server shares: only one without it detects that server.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(probe, host, int(port))
    reservation = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    # The first for connections that a server before this one has closed, and the system still remembers.
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    _bind(reservation, host, int(port))
    return _with_port(address, reservation.getsockname()[1])


def _bind(listener: socket.socket, host: str, port: int) -> None:
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
