"""Everything that is kept in PostgreSQL: one module per table family. Knows rows; does not know what a grant is."""
