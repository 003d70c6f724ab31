"""The consent page."""
