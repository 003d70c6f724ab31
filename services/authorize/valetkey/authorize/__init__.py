"""Browsers: /authorize, /login, /consent, /logout. The only room with HTML; it signs nothing and knows no token."""
