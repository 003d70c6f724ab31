"""The scopes address and phone, which open claims about the user. OIDC Core §5.4.

Where an API has a scope of that name already, it stays the API's. A release up to 0.2 publishes the names, and opens
nothing with them.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Two rows."""
    op.execute(
        """
        INSERT INTO scopes (name, description) VALUES
            ('address', 'See your postal address'),
            ('phone', 'See your phone number')
        ON CONFLICT (name) DO NOTHING
        """
    )
