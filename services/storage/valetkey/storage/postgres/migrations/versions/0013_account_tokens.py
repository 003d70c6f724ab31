"""Links that stand for a user: to choose a password when the old one is forgotten.

Only digests are kept. A link ends with whatever ends its user, and with everything: what was used before a backup was
made does not come back with it.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

_STATEMENTS = (
    """
    CREATE TABLE account_tokens (
        digest bytea PRIMARY KEY,
        purpose text NOT NULL,
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        user_epoch bigint NOT NULL,
        installation_epoch bigint NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX account_tokens_subject ON account_tokens (subject)",
    "CREATE INDEX account_tokens_expires_at ON account_tokens (expires_at)",
)


def upgrade() -> None:
    """A table."""
    for statement in _STATEMENTS:
        op.execute(statement)
