"""The account page: what a user sees of the own account, and changes by oneself."""
