"""Passkeys: what a browser is asked for, and whether what it answers proves anything. Web Authentication Level 3.

Values and functions, and ``ceremonies``, which knows what is kept. The library that verifies signatures is loaded when
the first answer comes.
"""
