"""What bounds connections and requests."""
