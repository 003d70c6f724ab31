"""A database role for each service of the demo, with what it may do and nothing else, as in a real installation."""

from __future__ import annotations

import secrets
from dataclasses import replace
from urllib.parse import urlsplit

import asyncpg

from valetkey.runtime.settings.secret import Secret
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.schema.privileges import ROLES


async def create_roles(dsn: str) -> dict[str, str]:
    """Make every role that is not there yet, give each a new password, and return their URLs by role.

    What they may do is up to the migration that follows.
    """
    parts = urlsplit(dsn)
    passwords = {role: secrets.token_hex(24) for role in ROLES}
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            present = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
            for role, password in passwords.items():
                verb = "ALTER" if role in present else "CREATE"
                await connection.execute(f"{verb} ROLE {role} LOGIN NOINHERIT PASSWORD '{password}'")
    finally:
        await connection.close()
    host = parts.netloc.rpartition("@")[2]
    return {role: parts._replace(netloc=f"{role}:{password}@{host}").geturl() for role, password in passwords.items()}


def settings_of(settings: Settings, service: str, urls: dict[str, str]) -> Settings:
    """The settings of one service, which comes to PostgreSQL in its own role."""
    return replace(settings, postgres_dsn=Secret(urls[f"valetkey_{service}"], "VALETKEY_POSTGRES_DSN"))
