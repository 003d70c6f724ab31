"""What `valetkey kubernetes` does: random secrets, and as much of the Kubernetes API as that takes."""
