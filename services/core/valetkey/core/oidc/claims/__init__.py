"""Claims about the user, and how clients ask for them."""
