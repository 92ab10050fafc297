"""gRPC channels: options, TLS and targets. The clients make theirs with it, one channel per server, when they are first needed."""

import json
import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from lineal import __version__
from lineal.errors import SettingsError
from lineal.settings import Settings

CONNECT_MS = 5_000
"""How long one attempt to connect may take. By default it is 20 seconds, in which calls would not try another server."""

RECONNECT_MS, RECONNECT_MS_MAX = 100, 2_000
"""Pauses between attempts to connect. By default they grow to two minutes, long after a restarted server is back."""

KEEPALIVE_ANSWER_MS = 10_000

# What a name stands for is asked of DNS, and all its addresses take turns; no settings are taken from DNS.
_SERVICE_CONFIG = json.dumps({"loadBalancingConfig": [{"round_robin": {}}]})

_HASHED_CERTIFICATE = re.compile(r"[0-9a-f]{8}\.[0-9]+")

FORK_VARIABLE = "GRPC_ENABLE_FORK_SUPPORT"

Options = list[tuple[str, str | int]]

_first_process_id: int | None = None


@dataclass(frozen=True)
class Endpoint:
    """What a channel is made of: a target as gRPC spells it, options, and credentials (None: plain text)."""

    target: str
    options: Options
    credentials: grpc.ChannelCredentials | None


def endpoints(settings: Settings) -> tuple[Endpoint, ...]:
    """Return the endpoint of each server. Raises SettingsError if a file of certificates cannot be used."""
    credentials = _credentials(settings) if settings.uses_tls else None
    options = _options(settings)
    return tuple(Endpoint(_spelled(target), options, credentials) for target in settings.targets)


def check_process() -> None:
    """Raise RuntimeError in a forked process whose parent had a channel: gRPC's threads are not there, and calls would not end.

    With GRPC_ENABLE_FORK_SUPPORT, which has to be set before gRPC is imported, they are started anew.
    """
    global _first_process_id
    _first_process_id = _first_process_id or os.getpid()
    if _first_process_id != os.getpid() and os.environ.get(FORK_VARIABLE, "").lower() not in ("1", "true", "yes"):
        raise RuntimeError(
            f"gRPC was used before this process was forked; set {FORK_VARIABLE}=1 before the first import, or do not fork"
        )


def _spelled(target: str) -> str:
    return target if target.startswith(("unix:", "unix-abstract:")) else f"dns:///{target}"


def _options(settings: Settings) -> Options:
    return [
        ("grpc.primary_user_agent", f"lineal/{__version__}"),
        ("grpc.service_config", _SERVICE_CONFIG),
        ("grpc.service_config_disable_resolution", 1),
        # Requests are limited by the server, whose limit can be changed; of its answers there is no maximum.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
        ("grpc.keepalive_time_ms", int(settings.keepalive_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_ANSWER_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS_MAX),
        # Otherwise clients with equal settings share connections, and closing one of them would close none.
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _credentials(settings: Settings) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=_read(settings.ca_file, "ca_file") if settings.ca_file else _system_certificates(),
        private_key=_read(settings.key_file, "key_file") if settings.key_file else None,
        certificate_chain=_read(settings.cert_file, "cert_file") if settings.cert_file else None,
    )


def _read(path: str, name: str) -> bytes:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{name} {path} cannot be read: {error.strerror}") from error
    if b"-----BEGIN " not in content:
        raise SettingsError(f"{name} {path} is not a PEM file")
    return content


def _system_certificates() -> bytes | None:
    """Return what OpenSSL trusts on this system, None for what is packed with gRPC: it would take that always."""
    trusted = ssl.create_default_context().get_ca_certs(binary_form=True)
    if trusted:
        return "".join(ssl.DER_cert_to_PEM_cert(each) for each in trusted).encode()
    # Of a folder, OpenSSL reads certificates when it needs them, and lists none.
    folder = ssl.get_default_verify_paths().capath
    names = sorted(os.listdir(folder)) if folder else []
    files = [Path(folder or "", name) for name in names if _HASHED_CERTIFICATE.fullmatch(name)]
    return b"\n".join(file.read_bytes() for file in files if file.is_file()) or None
