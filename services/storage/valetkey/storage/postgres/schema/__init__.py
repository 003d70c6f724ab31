"""The schema: its version, its migrations, and the privileges of each role."""
