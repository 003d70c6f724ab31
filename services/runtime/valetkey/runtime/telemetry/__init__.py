"""Traces, metrics, audit events and logs."""
