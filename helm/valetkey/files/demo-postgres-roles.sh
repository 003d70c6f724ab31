# Makes the roles when PostgreSQL initializes itself; the image's entry point reads this into its own shell.
password() { cat "/run/secrets/valetkey/postgres-$1-password"; }

psql --set=ON_ERROR_STOP=1 --no-psqlrc --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
	--set=authorize_password="$(password authorize)" \
	--set=token_password="$(password token)" \
	--set=introspection_password="$(password introspection)" \
	--set=key_rotation_password="$(password key-rotation)" \
	--set=migration_password="$(password migration)" \
	--set=operator_password="$(password operator)" \
	--file=/etc/valetkey/roles.sql
