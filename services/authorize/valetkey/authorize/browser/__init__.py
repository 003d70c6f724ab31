"""What a browser holds for us, and how we know that a form is ours."""
