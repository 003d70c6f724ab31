"""Sessions that stay when the browser is closed, where people want that and settings allow it.

What the release before has written, and goes on writing beside this one, ends with the browser.
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """A column, which no row is rewritten for."""
    op.execute("ALTER TABLE sessions ADD COLUMN is_kept boolean NOT NULL DEFAULT FALSE")
