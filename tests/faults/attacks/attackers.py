"""Runs one attack: `python -m tests.faults.attacks.attackers NAME SECONDS TARGET`, which prints how often it struck.

An attack is what a client may do by mistake or malice, with nothing but its connections.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable

from tests.faults.attacks import grpc_attacks, http_attacks
from tests.faults.attacks.attack import Attack
from tests.faults.attacks.target import Target

ATTACKS: dict[str, Callable[[Attack], Awaitable[None]]] = {
    attack.__name__: attack
    for attack in (
        grpc_attacks.stream_resets,
        grpc_attacks.calls_without_message,
        grpc_attacks.silent_connections,
        grpc_attacks.large_messages,
        grpc_attacks.many_large_messages,
        grpc_attacks.half_messages,
        grpc_attacks.malformed_messages,
        grpc_attacks.unread_answers,
        grpc_attacks.whole_runs,
        grpc_attacks.large_artifacts,
        grpc_attacks.bulk_calls,
        grpc_attacks.costly_filters,
        http_attacks.slow_headers,
        http_attacks.many_connections,
        http_attacks.half_bodies,
        http_attacks.aborted_bodies,
        http_attacks.many_numbers,
        http_attacks.nested_bodies,
        http_attacks.packages,
        http_attacks.reports,
        http_attacks.unread_responses,
        http_attacks.whole_runs_as_json,
        http_attacks.foreign_pages,
    )
}


NICENESS = 10
"""Attackers are elsewhere, and do not take processors from the server and its other clients."""


async def _run(name: str, seconds: float, target: Target) -> int:
    attack = Attack(target, seconds)
    await ATTACKS[name](attack)
    return attack.count


if __name__ == "__main__":
    os.nice(NICENESS)
    _, chosen, duration, text = sys.argv
    print(asyncio.run(_run(chosen, float(duration), Target.read(text))))  # noqa: T201
