"""OAuth 2.1: requests, parameters, codes, tokens, and the errors that are registered."""
