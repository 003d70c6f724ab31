"""What can be left behind in PostgreSQL."""

from __future__ import annotations

from support.left_behind_row import Row
from valetkey.runtime.settings.settings import Settings
from valetkey.storage.postgres.tables.passkeys import MOST_PASSKEYS

_S = Settings()
POSTGRES = (
    Row(
        "account_tokens",
        "any caller",
        "5 for each user and purpose, for an hour at most; 5 that undo a change of address, for "
        f"{_S.account_email_revert // 86400} days",
        "about 200 bytes each; swept",
        "tests/protocol/test_recovery.py::test_the_link_asked_for_longest_ago_makes_room",
    ),
    Row(
        "login_names",
        "a user",
        "two for each user: the user name, and one e-mail address",
        "about 100 bytes each",
        "tests/contract/test_email_changes.py::test_a_changed_address_is_verified_signs_in_and_is_told_to_the_former",
    ),
    Row(
        "credentials",
        "a user",
        f"one authenticator app, 10 recovery codes and {MOST_PASSKEYS} passkeys for each user",
        "about 200 bytes each; of passkeys 600, and 2 kB at most",
        "tests/contract/test_credentials.py::test_a_user_has_one_app",
    ),
    Row(
        "mail_outbox",
        "any caller",
        f"{_S.mail_per_recipient} for a recipient, {_S.mail_per_address} for an address; {_S.mail_queue_limit:,} wait",
        "less than 2 kB while it waits, about 300 bytes afterwards",
        "tests/integration/mail/test_limits.py::test_two_limits_at_once_neither_overshoot_nor_wait_for_each_other",
    ),
    Row(
        "sessions",
        "a user",
        f"{_S.sessions_per_user} for each user; the one used longest ago ends",
        "about 300 bytes each",
        "tests/contract/test_sessions.py::test_the_session_used_longest_ago_makes_room_for_one_too_many",
    ),
    Row(
        "consents",
        "a user",
        "one for each user and client",
        "scopes, resources and claims that are registered for the client",
        "tests/protocol/test_security_left_behind.py::"
        "test_a_user_leaves_one_consent_for_each_client_however_often_it_is_given",
    ),
    Row(
        "authorizations",
        "a user",
        f"{_S.grants_per_user_and_client} live ones for each user and client; the one used longest ago ends",
        "scopes, resources and claims that are registered for the client; swept once expired",
        "tests/contract/test_granted_authorizations.py::"
        "test_the_authorization_used_longest_ago_makes_room_for_one_too_many",
    ),
    Row(
        "revocations",
        "a client, a user",
        "as in Redis",
        "about 150 bytes each; swept once expired",
        "tests/protocol/test_security_revocation_limit.py::test_what_is_remembered_is_bounded_in_both_stores",
    ),
    Row(
        "key_observations",
        "ourselves",
        "one for each replica and key",
        "about 100 bytes each; swept",
        "tests/nightly/upgrade/test_nothing_grows.py::test_after_the_longest_lifetime_no_table_grows_any_more",
    ),
)
