"""First schema."""

from alembic import op

revision = "0001"
down_revision = None

_TABLES = (
    """
    CREATE TABLE clients (
        uid uuid PRIMARY KEY,
        client_id text NOT NULL UNIQUE,
        client_name text NOT NULL,
        token_endpoint_auth_method text NOT NULL,
        grant_types text[] NOT NULL,
        redirect_uris text[] NOT NULL,
        post_logout_redirect_uris text[] NOT NULL,
        scope text[] NOT NULL,
        resources text[] NOT NULL,
        resource text UNIQUE,
        id_token_signed_response_alg text NOT NULL,
        default_max_age integer,
        client_uri text,
        policy_uri text,
        tos_uri text,
        enabled boolean NOT NULL,
        valid_since timestamptz NOT NULL DEFAULT '-infinity',
        managed_by text,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE client_secrets (
        id uuid PRIMARY KEY,
        client_uid uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
        digest bytea NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz
    )
    """,
    "CREATE INDEX client_secrets_client_uid ON client_secrets (client_uid)",
    """
    CREATE TABLE scopes (
        name text PRIMARY KEY,
        description text NOT NULL,
        resource text REFERENCES clients (resource) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX scopes_resource ON scopes (resource)",
    """
    INSERT INTO scopes (name, description) VALUES
        ('openid', 'Confirm who you are'),
        ('profile', 'See your name and profile'),
        ('email', 'See your e-mail address'),
        ('offline_access', 'Keep this access while you are away')
    """,
    """
    CREATE TABLE users (
        subject uuid PRIMARY KEY,
        username text NOT NULL,
        email text,
        email_verified boolean NOT NULL,
        claims jsonb NOT NULL,
        password_hash text NOT NULL,
        enabled boolean NOT NULL,
        valid_since timestamptz NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL
    )
    """,
    # User names and e-mail addresses share one space, so that no name can ever mean two accounts.
    """
    CREATE TABLE login_names (
        name_key text PRIMARY KEY,
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE
    )
    """,
    "CREATE INDEX login_names_subject ON login_names (subject)",
    """
    CREATE TABLE sessions (
        session_id uuid PRIMARY KEY,
        secret_digest bytea NOT NULL UNIQUE,
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        auth_time timestamptz NOT NULL,
        acr text NOT NULL,
        amr text[] NOT NULL,
        created_at timestamptz NOT NULL,
        used_at timestamptz NOT NULL,
        idle_expires_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX sessions_subject ON sessions (subject)",
    "CREATE INDEX sessions_expires_at ON sessions (expires_at)",
    """
    CREATE TABLE consents (
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        client_uid uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
        scope text[] NOT NULL,
        resources text[] NOT NULL,
        claims text[] NOT NULL,
        is_given boolean NOT NULL,
        updated_at timestamptz NOT NULL,
        withdrawn_at timestamptz,
        PRIMARY KEY (subject, client_uid)
    )
    """,
    "CREATE INDEX consents_client_uid ON consents (client_uid)",
    # Rotation touches no indexed column, so with room on the page it leaves nothing behind but a short chain there.
    """
    CREATE TABLE authorizations (
        id uuid PRIMARY KEY,
        client_uid uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
        subject uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        session_id uuid NOT NULL,
        bound_to_session boolean NOT NULL,
        scope text[] NOT NULL,
        resources text[] NOT NULL,
        userinfo_claims text[] NOT NULL,
        id_token_claims text[] NOT NULL,
        auth_time timestamptz NOT NULL,
        acr text NOT NULL,
        amr text[] NOT NULL,
        generation integer NOT NULL,
        created_at timestamptz NOT NULL,
        rotated_at timestamptz NOT NULL,
        idle_seconds integer NOT NULL,
        idle_expires_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz
    ) WITH (fillfactor = 85)
    """,
    "CREATE INDEX authorizations_expires_at ON authorizations (expires_at)",
    "CREATE INDEX authorizations_subject ON authorizations (subject)",
    "CREATE INDEX authorizations_client_uid ON authorizations (client_uid)",
    "CREATE INDEX authorizations_session_id ON authorizations (session_id)",
    """
    CREATE TABLE revocations (
        kind text NOT NULL,
        target text NOT NULL,
        revoked_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (kind, target)
    )
    """,
    "CREATE INDEX revocations_expires_at ON revocations (expires_at)",
    """
    CREATE TABLE signing_keys (
        kid text PRIMARY KEY,
        alg text NOT NULL,
        state text NOT NULL,
        jwk jsonb NOT NULL,
        sealed_private bytea NOT NULL,
        key_encryption_key_id text NOT NULL,
        created_at timestamptz NOT NULL,
        activated_at timestamptz,
        retired_at timestamptz,
        retire_until timestamptz
    )
    """,
    """
    CREATE TABLE published_jwk_set (
        id integer PRIMARY KEY CHECK (id = 1),
        document text NOT NULL,
        etag text NOT NULL,
        published_at timestamptz NOT NULL
    )
    """,
    """
    CREATE TABLE key_observations (
        replica_id text PRIMARY KEY,
        service text NOT NULL,
        kids text[] NOT NULL,
        serving_since timestamptz NOT NULL,
        seen_at timestamptz NOT NULL
    )
    """,
)

# Replicas keep clients, the catalog and keys in memory. Whatever changes them, by whatever hand, tells the replicas.
_NOTIFICATIONS = (
    """
    CREATE FUNCTION notify_client() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN
            PERFORM pg_notify('valetkey_clients', OLD.client_id);
            IF OLD.resource IS NOT NULL THEN
                PERFORM pg_notify('valetkey_clients', '*');
            END IF;
        END IF;
        IF TG_OP <> 'DELETE' THEN
            PERFORM pg_notify('valetkey_clients', NEW.client_id);
            IF NEW.resource IS NOT NULL THEN
                PERFORM pg_notify('valetkey_clients', '*');
            END IF;
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER notify_client AFTER INSERT OR UPDATE OR DELETE ON clients
    FOR EACH ROW EXECUTE FUNCTION notify_client()
    """,
    """
    CREATE FUNCTION notify_client_secret() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('valetkey_clients', client_id) FROM clients
        WHERE uid = COALESCE(NEW.client_uid, OLD.client_uid);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER notify_client_secret AFTER INSERT OR UPDATE OR DELETE ON client_secrets
    FOR EACH ROW EXECUTE FUNCTION notify_client_secret()
    """,
    """
    CREATE FUNCTION notify_catalog() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('valetkey_clients', '*');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER notify_catalog AFTER INSERT OR UPDATE OR DELETE ON scopes
    FOR EACH STATEMENT EXECUTE FUNCTION notify_catalog()
    """,
    """
    CREATE FUNCTION notify_keys() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('valetkey_keys', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER notify_keys AFTER INSERT OR UPDATE OR DELETE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION notify_keys()
    """,
    """
    CREATE TRIGGER notify_keys AFTER INSERT OR UPDATE OR DELETE ON published_jwk_set
    FOR EACH STATEMENT EXECUTE FUNCTION notify_keys()
    """,
)


def upgrade() -> None:
    """Every table, and the triggers that tell replicas of changes."""
    for statement in (*_TABLES, *_NOTIFICATIONS):
        op.execute(statement)
