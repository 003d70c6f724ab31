"""Every audit event that there is, in one table. A test compares it with what the code writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event, who writes it, and when."""

    type: str
    service: str
    when: str


_CLI = "cli"
AUDIT_EVENTS: tuple[EventRow, ...] = (
    EventRow(
        "authorization", "authorize", "A client was sent a code or an error, or an address may begin no more logins."
    ),
    EventRow("consent", "authorize", "A user has agreed to what a client asks for, or has not."),
    EventRow("login", "authorize", "A user has signed in, or could not."),
    EventRow("login.second_factor", "authorize", "A user has proven more than the first factor, or could not."),
    EventRow("credential.added", "authorize", "A user has set up a method to sign in with."),
    EventRow("credential.removed", "authorize", "A user has removed one."),
    EventRow("credential.renamed", "authorize", "A user calls a passkey something else."),
    EventRow("account.recovery_asked", "authorize", "A link for a forgotten password was asked for, and sent or not."),
    EventRow("account.password_reset", "authorize", "A user has chosen a password by a link; the rest has ended."),
    EventRow("account.password_set", "authorize", "A user has chosen another password; all from before has ended."),
    EventRow("account.session_ended", "authorize", "A user has signed out another browser."),
    EventRow("account.consent_withdrawn", "authorize", "A user has taken back what an application may do."),
    EventRow(
        "account.email_verification_asked", "authorize", "A link to confirm an address was asked for, and sent or not."
    ),
    EventRow("account.email_verified", "authorize", "A user has confirmed the e-mail address by a link."),
    EventRow("account.email_change_asked", "authorize", "A user wants another address; a link was sent to it or not."),
    EventRow("account.email_changed", "authorize", "A user has confirmed another address; it is in place now, or not."),
    EventRow("account.email_reverted", "authorize", "A former address is brought back by a link; the rest has ended."),
    EventRow("account.profile_changed", "authorize", "A user has edited details; `reason` names them."),
    EventRow("account.exported", "authorize", "A user has fetched a copy of the own data."),
    EventRow("account.deleted", "authorize", "A user has deleted the own account."),
    EventRow("account.recovery_codes_made", "authorize", "A user has made new recovery codes."),
    EventRow("logout", "authorize", "A session was ended by its user or by a client of its user."),
    EventRow("client.authentication", "token, introspection", "A client was refused, or its failures are limited."),
    EventRow("token.issued", "token", "A client was given tokens."),
    EventRow("token.refused", "token", "A grant was refused."),
    EventRow("token.revoked", "token", "A client has revoked a token, or may revoke no more of them for now."),
    EventRow("authorization_code.replayed", "token", "A code was redeemed twice; what was issued for it is revoked."),
    EventRow("refresh_token.reused", "token", "A refresh token that was exchanged came again; its grant is revoked."),
    EventRow("refresh_token.ahead", "token", "A refresh token is newer than PostgreSQL knows, as after a restore."),
    EventRow("stored_value.refused", "authorize, token", "A value in Redis was not believed."),
    EventRow("mail.refused", "authorize, cli", "A mail was not enqueued: a limit of what may be asked for is reached."),
    EventRow("mail.sent", "mailer", "The SMTP server has taken a mail."),
    EventRow("mail.failed", "mailer", "A mail is given up: it was refused for good, or its time is over."),
    EventRow("signing_key.created", "key_rotation", "A key was made; it does not sign yet."),
    EventRow("signing_key.activated", "key_rotation", "A key signs from now on."),
    EventRow("signing_key.retired", "key_rotation", "A key signs no more; what it signed is still good."),
    EventRow("signing_key.deleted", "key_rotation", "A key and what it signed are worth nothing any more."),
    EventRow("attribute.created", _CLI, "A custom attribute was declared."),
    EventRow("attribute.updated", _CLI, "A custom attribute was changed."),
    EventRow("attribute.deleted", _CLI, "A custom attribute was deleted."),
    EventRow("client.created", _CLI, "A client was registered."),
    EventRow("client.updated", _CLI, "A client was changed."),
    EventRow("client.disabled", _CLI, "A client was disabled, and what it had has ended."),
    EventRow("client.enabled", _CLI, "A client was enabled again."),
    EventRow("client.deleted", _CLI, "A client was deleted."),
    EventRow("client.secret_rotated", _CLI, "A client was given another secret."),
    EventRow("clients.applied", _CLI, "A declarative file was applied."),
    EventRow("consent.withdrawn", _CLI, "A consent was withdrawn for its user."),
    EventRow("everything.revoked", _CLI, "All sessions, grants and tokens of all users and clients have ended."),
    EventRow("group.created", _CLI, "A group was made."),
    EventRow("group.updated", _CLI, "A group was changed."),
    EventRow("group.deleted", _CLI, "A group was deleted."),
    EventRow("group.member_added", _CLI, "A user or a group was put into a group."),
    EventRow("group.member_removed", _CLI, "A user or a group was taken out of a group."),
    EventRow("kubernetes_secret.created", _CLI, "The Secret of an installation was made."),
    EventRow("kubernetes_secret.completed", _CLI, "Keys that the Secret lacked were added."),
    EventRow("keys.rotated", _CLI, "An operator has run the rotation of keys."),
    EventRow("mail.retried", _CLI, "Mails are tried again at once."),
    EventRow("mail.tested", _CLI, "A mail was enqueued to see whether it arrives."),
    EventRow("revocations.reloaded", _CLI, "Redis was loaded with the revocations anew."),
    EventRow("schema.migrated", _CLI, "Migrations were applied."),
    EventRow("scope.created", _CLI, "A scope was registered."),
    EventRow("scope.updated", _CLI, "A scope was changed."),
    EventRow("scope.deleted", _CLI, "A scope was deleted."),
    EventRow("session.revoked", _CLI, "Sessions were ended for their user."),
    EventRow("user.credential_removed", _CLI, "A method that a user has set up was removed by an operator."),
    EventRow("user.created", _CLI, "A user was made."),
    EventRow("user.imported", _CLI, "A user came from another system."),
    EventRow("user.updated", _CLI, "A user was changed."),
    EventRow("user.disabled", _CLI, "A user was disabled, and what they had has ended."),
    EventRow("user.enabled", _CLI, "A user was enabled again."),
    EventRow("user.deleted", _CLI, "A user was deleted."),
    EventRow("user.password_set", _CLI, "A user was given another password."),
    EventRow("user.reset_link_made", _CLI, "An operator made a link with which a user chooses a password."),
    EventRow("user.unlocked", _CLI, "Wrong passwords of a user were forgotten."),
)

# In the order in which a line has them.
FIELDS: Mapping[str, str] = {
    "log": "`audit`, so that a collector can tell it from other lines",
    "time": "when, in UTC",
    "service": "who writes",
    "type": "one of the above",
    "outcome": "`success` or `failure`",
    "trace_id": "the trace of the request; the reference that error pages show",
    "reason": "why it has failed, for operators; never shown to clients",
    "actor": "who acted, where that is not the subject: an operator, or the rotation of keys",
    "subject": "the user, as `sub`",
    "client_id": "the client",
    "grant": "the grant type",
    "scope": "the scopes, or the one that was changed",
    "attribute": "the custom attribute",
    "group": "the group",
    "inner_group": "a group that is in `group`",
    "mail": "the kind of mail",
    "amr": "how the user has signed in (RFC 8176)",
    "session_hash": "the session, hashed",
    "authorization_id": "the grant that tokens belong to",
    "address": "where the request came from; see `VALETKEY_TRUSTED_PROXIES`",
    "jti_hash": "the token, hashed",
}
