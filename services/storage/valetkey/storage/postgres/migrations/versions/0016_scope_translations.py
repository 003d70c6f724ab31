"""What a scope allows, in the languages of those who are asked for it.

The release before writes none, and leaves those that are there.
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """A column, which no row is rewritten for."""
    op.execute("ALTER TABLE scopes ADD COLUMN translations jsonb NOT NULL DEFAULT '{}'")
