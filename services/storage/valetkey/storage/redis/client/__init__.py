"""Connections to one server, to Sentinels and to a Cluster. Whatever touches the inside of redis-py is here."""
