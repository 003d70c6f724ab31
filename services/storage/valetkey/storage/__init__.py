"""The stores: PostgreSQL and Redis behind the ports of core."""
