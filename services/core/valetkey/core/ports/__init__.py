"""What the rules need from outside, one module per audience. Every promise here is a test in ``tests/contract``."""
