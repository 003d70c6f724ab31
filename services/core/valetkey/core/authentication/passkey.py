"""Passkeys as they are kept, and what each use may change about them. Web Authentication Level 3 §4, §6.1.1, §6.1.3."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

_HANDLE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Passkey:
    """One credential: its public key is a COSE_Key, RFC 9052 §7.

    ``backup_eligible`` is whether the key may leave its device, ``backed_up`` whether it has. ``sign_count`` is the
    last that was seen, ``user_handle`` what the authenticator knows the user by.
    """

    credential_id: bytes
    public_key: bytes
    user_handle: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    aaguid: str = ""
    transports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PasskeyUse:
    """What an authenticator has signed about itself."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


def use_problem(passkey: Passkey, use: PasskeyUse) -> str | None:
    """Why this use is not to be believed; None where it is.

    A key on several devices has a counter on each, or none: only that of a key which cannot leave its device says
    anything. WebAuthn §6.1.1.
    """
    if use.backup_eligible != passkey.backup_eligible:
        return "the passkey has changed whether it may be backed up"
    if use.backed_up and not use.backup_eligible:
        return "the passkey says that it is backed up and cannot be"
    if not counts_on(passkey.sign_count, use.sign_count, backup_eligible=passkey.backup_eligible):
        return "the signature counter of a passkey that is bound to its device did not grow"
    return None


def counts_on(known: int, presented: int, *, backup_eligible: bool) -> bool:
    """Whether a counter may follow another."""
    return backup_eligible or presented > known or known == presented == 0


def new_user_handle() -> bytes:
    """What authenticators shall know a user by: 64 random bytes that tell nothing. WebAuthn §5.4.3, §14.6.1."""
    return secrets.token_bytes(_HANDLE_BYTES)
