"""Passkeys: what a browser is asked for, and whether what it answers proves anything. Web Authentication Level 3.

Values and functions; no store, no page. The library that verifies signatures is loaded when the first answer comes.
"""
