"""Custom attributes of users: declared here, their values are kept with those of the standard ones.

Releases before this one know nothing of them: they keep the values of a user that they change, and tell clients none.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    """
    CREATE TABLE user_attributes (
        name text COLLATE "C" PRIMARY KEY,
        type text NOT NULL,
        claim text NOT NULL UNIQUE,
        scope text NOT NULL REFERENCES scopes,
        managed_by text
    )
    """,
    """
    CREATE TRIGGER notify_catalog AFTER INSERT OR UPDATE OR DELETE ON user_attributes
    FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog()
    """,
)


def upgrade() -> None:
    """A table, which tells replicas of changes as the other parts of the catalog do."""
    for statement in _STATEMENTS:
        op.execute(statement)
