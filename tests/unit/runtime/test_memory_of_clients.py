"""How much memory a client takes: ten thousand of them are kept beside everything else within 120 MB."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any, cast
from uuid import uuid4

from asyncpg import Record

from valetkey.core.client.client import Client
from valetkey.storage.postgres.tables.rows import client_from

CLIENTS = 300
BYTES_EACH = 1_000


def row(number: int) -> Record:
    """As it comes from PostgreSQL: nothing in it is shared with another row."""
    return cast("Record", json.loads(json.dumps(columns(number))) | {"uid": uuid4(), "secret_digests": [bytes(32)]})


def columns(number: int) -> dict[str, Any]:
    return {
        "client_id": f"client-{number}",
        "client_name": f"The client with the number {number}",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "redirect_uris": [f"https://client-{number}.example/callback"],
        "post_logout_redirect_uris": [],
        "scope": ["openid", "profile", "email", "offline_access", "orders.read", "orders.write"],
        "resources": ["https://api.example"],
        "resource": None,
        "secret_expiries": [None],
        "id_token_signed_response_alg": "ES256",
        "default_max_age": None,
        "client_uri": None,
        "policy_uri": None,
        "tos_uri": None,
        "metadata": '{"client_uri": null}',
        "enabled": True,
        "client_epoch": 0,
        "installation_epoch": 0,
    }


def test_a_client_takes_less_than_a_thousand_bytes() -> None:
    client_from(row(0))

    tracemalloc.start()
    clients: list[Client] = [client_from(row(number)) for number in range(CLIENTS)]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len({client.client_id for client in clients}) == CLIENTS
    assert taken / CLIENTS < BYTES_EACH


def test_clients_that_are_registered_alike_share_what_is_equal() -> None:
    one, other = client_from(row(1)), client_from(row(2))

    assert one.scope is other.scope
    assert one.grant_types is other.grant_types
    assert one.resources is other.resources


def test_what_is_shared_is_what_was_registered() -> None:
    client = client_from(row(3))

    assert client.grant_types == {"authorization_code", "refresh_token", "client_credentials"}
    assert client.scope == ("openid", "profile", "email", "offline_access", "orders.read", "orders.write")
    assert client.resources == {"https://api.example"}
