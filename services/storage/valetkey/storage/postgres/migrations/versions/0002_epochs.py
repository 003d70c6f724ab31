"""Epochs: what has ended is told by numbers instead of times."""

from alembic import op

revision = "0002"
down_revision = "0001"

# Columns without a default are NULL in whatever release 0.1.0 stores; that is judged by time until it has expired.
_EXPANSIONS = (
    "CREATE TABLE installation (id integer PRIMARY KEY CHECK (id = 1), epoch bigint NOT NULL)",
    "INSERT INTO installation (id, epoch) VALUES (1, 0)",
    "ALTER TABLE clients ADD COLUMN epoch bigint NOT NULL DEFAULT 0",
    "ALTER TABLE users ADD COLUMN epoch bigint NOT NULL DEFAULT 0",
    "ALTER TABLE consents ADD COLUMN epoch bigint NOT NULL DEFAULT 0",
    "ALTER TABLE sessions ADD COLUMN installation_epoch bigint, ADD COLUMN user_epoch bigint",
    """
    ALTER TABLE authorizations ADD COLUMN installation_epoch bigint, ADD COLUMN client_epoch bigint,
        ADD COLUMN user_epoch bigint, ADD COLUMN consent_epoch bigint
    """,
    "ALTER TABLE revocations ADD COLUMN epoch bigint",
)

# An epoch only grows, whichever release writes. Release 0.1.0 has no epochs; its revocations show in what they change.
_EPOCHS_GROW = (
    """
    CREATE FUNCTION keep_epoch(before bigint, after bigint, is_ending boolean) RETURNS bigint LANGUAGE plpgsql AS $$
    BEGIN
        IF after < before THEN
            RAISE EXCEPTION 'an epoch never falls: what has ended stays ended' USING ERRCODE = 'check_violation';
        END IF;
        RETURN CASE WHEN is_ending AND after = before THEN before + 1 ELSE after END;
    END $$
    """,
    """
    CREATE FUNCTION keep_installation_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := keep_epoch(OLD.epoch, NEW.epoch, FALSE);
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION keep_client_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := keep_epoch(
            OLD.epoch, NEW.epoch, NEW.valid_since <> OLD.valid_since OR (OLD.enabled AND NOT NEW.enabled)
        );
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION keep_user_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := keep_epoch(
            OLD.epoch, NEW.epoch, NEW.valid_since <> OLD.valid_since OR (OLD.enabled AND NOT NEW.enabled)
        );
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION keep_consent_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := keep_epoch(
            OLD.epoch, NEW.epoch,
            NEW.withdrawn_at IS DISTINCT FROM OLD.withdrawn_at OR (OLD.is_given AND NOT NEW.is_given)
        );
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_epoch BEFORE UPDATE ON installation
    FOR EACH ROW EXECUTE FUNCTION keep_installation_epoch()
    """,
    """
    CREATE TRIGGER keep_epoch BEFORE UPDATE OF epoch, enabled, valid_since ON clients
    FOR EACH ROW EXECUTE FUNCTION keep_client_epoch()
    """,
    """
    CREATE TRIGGER keep_epoch BEFORE UPDATE OF epoch, enabled, valid_since ON users
    FOR EACH ROW EXECUTE FUNCTION keep_user_epoch()
    """,
    """
    CREATE TRIGGER keep_epoch BEFORE UPDATE OF epoch, is_given, withdrawn_at ON consents
    FOR EACH ROW EXECUTE FUNCTION keep_consent_epoch()
    """,
)

# Tokens of a client or user that was deleted name it by what may be given to another, who must begin beyond them.
_EPOCHS_GO_ON = (
    """
    CREATE FUNCTION begin_client_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := greatest(
            NEW.epoch, (SELECT epoch FROM revocations WHERE kind = 'client' AND target = NEW.client_id)
        );
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER begin_epoch BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION begin_client_epoch()
    """,
    """
    CREATE FUNCTION begin_user_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.epoch := greatest(
            NEW.epoch, (SELECT epoch FROM revocations WHERE kind = 'subject' AND target = NEW.subject::text)
        );
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER begin_epoch BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION begin_user_epoch()
    """,
)

# What has ended one by one stays ended too.
_ENDINGS_STAY = (
    """
    CREATE FUNCTION keep_revoked() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'an authorization that was revoked stays revoked' USING ERRCODE = 'check_violation';
    END $$
    """,
    """
    CREATE TRIGGER keep_revoked BEFORE UPDATE OF revoked_at ON authorizations
    FOR EACH ROW WHEN (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NULL) EXECUTE FUNCTION keep_revoked()
    """,
    """
    CREATE FUNCTION keep_revocation() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.revoked_at := greatest(NEW.revoked_at, OLD.revoked_at);
        NEW.expires_at := greatest(NEW.expires_at, OLD.expires_at);
        NEW.epoch := CASE WHEN NEW.revoked_at > OLD.revoked_at THEN greatest(NEW.epoch, OLD.epoch) ELSE OLD.epoch END;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER keep_revocation BEFORE UPDATE ON revocations FOR EACH ROW EXECUTE FUNCTION keep_revocation()
    """,
    # What tells of an ending is deleted once it has expired by this database's clock, and not before: the row stays.
    # Where a user or a client goes, what was theirs goes too, by a trigger of the foreign key.
    "CREATE FUNCTION database_clock() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT now()'",
    """
    CREATE FUNCTION keep_unexpired() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER keep_unexpired BEFORE DELETE ON revocations
    FOR EACH ROW WHEN (OLD.expires_at > database_clock()) EXECUTE FUNCTION keep_unexpired()
    """,
    """
    CREATE TRIGGER keep_unexpired BEFORE DELETE ON authorizations
    FOR EACH ROW WHEN (OLD.expires_at > database_clock() AND pg_trigger_depth() = 0)
    EXECUTE FUNCTION keep_unexpired()
    """,
)


def upgrade() -> None:
    """Columns for epochs, and triggers by which endings only ever grow."""
    for statement in (*_EXPANSIONS, *_EPOCHS_GROW, *_EPOCHS_GO_ON, *_ENDINGS_STAY):
        op.execute(statement)
