"""Valkeys of our own in company: a cluster of three, a primary that a Sentinel watches, one behind TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers.valkey import PATIENCE, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SLOTS = 16_384


@pytest.fixture
def valkey_cluster() -> Iterator[list[str]]:
    """URLs of three primaries that share the slots."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(running("--cluster-enabled", "yes", free_ports=_bus_fits)) for _ in range(3)]
        clients = [stack.enter_context(redis.Redis.from_url(node.url)) for node in nodes]
        for number, client in enumerate(clients):
            bounds = (number * _SLOTS // 3, (number + 1) * _SLOTS // 3 - 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", *bounds)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", urlsplit(nodes[0].url).port)
        _await(lambda: all(_knows_all(client) for client in clients))
        yield [node.url for node in nodes]


def _bus_fits(port: int) -> bool:
    """Tell whether the port of the cluster's bus, 10,000 higher, is a port and free."""
    with socket.socket() as probe, suppress(OSError, OverflowError):
        probe.bind(("127.0.0.1", port + 10_000))
        return True
    return False


def _knows_all(client: redis.Redis) -> bool:
    facts = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]  # as the driver ships it
    return b"cluster_state:ok" in facts and b"cluster_known_nodes:3" in facts


@pytest.fixture
def valkey_sentinel(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address of a service named ``main`` by its Sentinel, and the URL of its primary."""
    with running() as primary:
        port = urlsplit(primary.url).port
        file = tmp_path / "sentinel.conf"
        file.write_text(f"sentinel monitor main 127.0.0.1 {port} 1\n")
        with running(str(file), "--sentinel", settings=[]) as sentinel:
            watching = urlsplit(sentinel.url).port
            with redis.Redis(port=watching or 0) as client:
                _await(lambda: client.sentinel_master("main")["flags"] == "master")
            yield f"redis+sentinel://127.0.0.1:1,127.0.0.1:{watching}/main/0", primary.url


def _await(holds: object) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if callable(holds) and holds():
            return
        time.sleep(0.05)
    pytest.fail("the servers do not come together")


@pytest.fixture
def valkey_tls(own_valkey: object, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """URL of a Valkey behind TLS, and the certificate to trust. The wheel's server has none: ours ends it."""
    key, certificate = _made_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _tunnel(context, str(getattr(own_valkey, "socket", ""))) as port:
        yield f"rediss://localhost:{port}/0", certificate


def _made_certificate(directory: Path) -> tuple[Path, Path]:
    """Return the key and the certificate of a server on this machine, made without a program of the system's."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    key, certificate = directory / "key.pem", directory / "cert.pem"
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.write_bytes(private.private_bytes(serialization.Encoding.PEM, *form))
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return key, certificate


@contextmanager
def _tunnel(context: ssl.SSLContext, target: str) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, context, target), daemon=True).start()
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, context: ssl.SSLContext, target: str) -> None:
    with suppress(OSError):
        while True:
            raw, _address = listener.accept()
            threading.Thread(target=_serve, args=(raw, context, target), daemon=True).start()


def _serve(raw: socket.socket, context: ssl.SSLContext, target: str) -> None:
    """Carry one question after the other: enough for a client that waits for its answers."""
    with suppress(OSError), raw, context.wrap_socket(raw, server_side=True) as client:
        server = socket.socket(socket.AF_UNIX)
        with server:
            server.connect(target)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            server.shutdown(socket.SHUT_RDWR)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
