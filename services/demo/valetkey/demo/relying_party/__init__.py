"""The demo's application: an OAuth client and OpenID relying party as anybody might write one.

It speaks to the issuer over HTTP alone and knows nothing of how Valetkey is made.
"""
