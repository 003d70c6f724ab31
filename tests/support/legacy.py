"""Rows that an earlier release let in and this schema refuses: put there as a restored backup would."""

from __future__ import annotations

import asyncpg

from support.relying_party import ClientIdentity
from valetkey.core.client.authentication.secret import generate_secret, secret_digest


async def put_legacy_client(dsn: str, client_id: str, **columns: object) -> ClientIdentity:
    """A machine's registration under any name, with a secret. ``columns`` are others than the defaults."""
    values: dict[str, object] = {
        "client_id": client_id,
        "client_name": "Legacy",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "scope": [],
        "resources": [],
        "id_token_signed_response_alg": "ES256",
        "enabled": True,
        **columns,
    }
    names, places = ", ".join(values), ", ".join(f"${number}" for number in range(1, len(values) + 1))
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        # Triggers do not fire for what is restored or replicated.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            f"INSERT INTO clients (uid, created_at, updated_at, {names}) "  # noqa: S608 - names of this test's own
            f"VALUES (gen_random_uuid(), now(), now(), {places})",
            *values.values(),
        )
        secret = generate_secret()
        await connection.execute(
            "INSERT INTO client_secrets (id, client_uid, digest, created_at) "
            "SELECT gen_random_uuid(), uid, $2, now() FROM clients WHERE client_id = $1",
            client_id,
            secret_digest(secret),
        )
    await connection.close()
    return ClientIdentity(client_id, secret)
