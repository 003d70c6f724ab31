"""Groups, who is in them, which group is in which other, and who owns a user.

A user's groups are read with the user, by one call in whichever statement reads the user: ``groups_of`` looks into one
index for a user without groups, and goes up the nesting for others. Nothing derived is stored, so nothing can be out of
date. A release up to 0.2 knows nothing of groups, and tells clients nothing of them.

Where an API has a scope ``groups`` already, it stays the API's. What releases before this one store of users has no
owner.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_STATEMENTS = (
    # Sorted and compared by code point, as the claim is.
    """
    CREATE TABLE groups (
        name text COLLATE "C" PRIMARY KEY,
        display_name text,
        description text,
        managed_by text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE group_members (
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        group_name text COLLATE "C" NOT NULL REFERENCES groups ON DELETE CASCADE,
        PRIMARY KEY (subject, group_name)
    )
    """,
    "CREATE INDEX group_members_group_name ON group_members (group_name)",
    # A member of ``child`` is one of ``parent`` too.
    """
    CREATE TABLE group_nesting (
        child text COLLATE "C" NOT NULL REFERENCES groups ON DELETE CASCADE,
        parent text COLLATE "C" NOT NULL REFERENCES groups ON DELETE CASCADE,
        PRIMARY KEY (child, parent),
        CHECK (child <> parent)
    )
    """,
    "CREATE INDEX group_nesting_parent ON group_nesting (parent)",
    # UNION drops what was reached before, so that not even a cycle would go on for ever.
    """
    CREATE FUNCTION groups_of(member uuid) RETURNS text[] LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM group_members WHERE subject = member) THEN
            RETURN '{}';
        END IF;
        RETURN ARRAY(
            WITH RECURSIVE reached (name) AS (
                SELECT group_name FROM group_members WHERE subject = member
                UNION SELECT n.parent FROM reached JOIN group_nesting AS n ON n.child = reached.name
            )
            SELECT name FROM reached ORDER BY name
        );
    END $$
    """,
    "ALTER TABLE users ADD COLUMN managed_by text",
    """
    INSERT INTO scopes (name, description) VALUES ('groups', 'See which groups you belong to')
    ON CONFLICT (name) DO NOTHING
    """,
)


def upgrade() -> None:
    """Three tables, the function that flattens them, a column and a scope."""
    for statement in _STATEMENTS:
        op.execute(statement)
