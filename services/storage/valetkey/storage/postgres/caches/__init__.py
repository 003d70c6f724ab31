"""What is kept in memory of PostgreSQL."""
