"""What lists disabled users page by page among a million others, and what ends a user with millions of grants.

A user ends by the epoch, so that hardly a grant is touched. Release 0.1.0, which knows no epochs, compares the time of
the login; what it would take for a later one is found by that time, through an index that begins as the one before it.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

_STATEMENTS = (
    'CREATE INDEX users_disabled ON users (username COLLATE "C") WHERE NOT enabled',
    "CREATE INDEX authorizations_subject_login ON authorizations (subject, auth_time)",
    "DROP INDEX authorizations_subject",
)


def upgrade() -> None:
    """An index, which holds disabled users alone, and one in the place of another."""
    for statement in _STATEMENTS:
        op.execute(statement)
