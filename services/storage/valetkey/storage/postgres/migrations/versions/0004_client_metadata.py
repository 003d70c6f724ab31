"""Client metadata as a document, so that a new field of a registration needs no migration.

This is the expand step. Releases up to 0.2 read and write the columns and know of no document. So this release writes
both, and reads from the document only the fields that have no column; an update merges into the document, because a
later release may keep members there that this one does not know.

The contract step takes two releases. The migration of the next one copies the columns into the document once more,
since a release up to 0.2 may have changed them alone; from then on the document counts, and the columns are still
written for this release. The release after that drops the columns that ``Place.BOTH`` marks in the table.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """One column, empty for whatever is stored. PostgreSQL rewrites no row for it."""
    op.execute("ALTER TABLE clients ADD COLUMN metadata jsonb NOT NULL DEFAULT '{}'")
