"""What people sign in with beside passwords, and what a session was begun with.

A password stays where it was, because releases up to this one read it there; it may be missing now, which they take for
a wrong one. A session without ``factors`` rests on a password alone, proven at ``auth_time``: so do those that an older
release begins.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

_STATEMENTS = (
    # ``secret`` is the sealed secret of ``totp``, the digest of a ``recovery_code``, the public key of a ``passkey``.
    # ``counter`` is the last time step of ``totp`` that was used, the signature counter of a ``passkey``.
    # ``installation_epoch`` is that of its making: after a restored backup has been ended, nothing spent comes back.
    """
    CREATE TABLE credentials (
        id uuid PRIMARY KEY,
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        kind text NOT NULL,
        name text NOT NULL,
        secret bytea NOT NULL,
        counter bigint NOT NULL DEFAULT 0,
        key_id bytea UNIQUE,
        user_handle bytea,
        details jsonb NOT NULL DEFAULT '{}',
        installation_epoch bigint NOT NULL,
        created_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX credentials_subject ON credentials (subject, kind)",
    "CREATE UNIQUE INDEX credentials_totp ON credentials (subject) WHERE kind = 'totp'",
    "ALTER TABLE sessions ADD COLUMN factors text[]",
    "ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL",
    "ALTER TABLE groups ADD COLUMN required_acr text",
    # Services keep with the catalog what groups demand.
    """
    CREATE TRIGGER notify_catalog_of_groups AFTER INSERT OR DELETE OR UPDATE OF required_acr ON groups
    FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog()
    """,
)


def upgrade() -> None:
    """A table, three columns, and a trigger."""
    for statement in _STATEMENTS:
        op.execute(statement)
