"""PostgreSQL and Redis started on this computer for the demo and the tests."""
