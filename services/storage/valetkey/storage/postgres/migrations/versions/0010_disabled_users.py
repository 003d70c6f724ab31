"""What lists disabled users page by page where there are a million others."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """An index, which holds disabled users alone."""
    op.execute('CREATE INDEX users_disabled ON users (username COLLATE "C") WHERE NOT enabled')
