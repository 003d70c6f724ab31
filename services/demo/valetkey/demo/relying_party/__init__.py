"""The demo's application: an ordinary OAuth client and OpenID relying party.

It speaks to the issuer over HTTP alone and knows nothing of how Valetkey is made.
"""
