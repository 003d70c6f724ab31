"""Ways in which passwords are hashed: one file each, and a line in ``password_hash``."""
