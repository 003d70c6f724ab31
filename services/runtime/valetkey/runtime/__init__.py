"""The machines under the rules: HTTP, PostgreSQL, Redis, telemetry, settings. Does not know what a grant is."""
