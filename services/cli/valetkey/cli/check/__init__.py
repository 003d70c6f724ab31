"""What `valetkey check` does: uses an installation as its users do, and says which step fails."""
