"""The service that talks to resource servers: is this token good, who is the user, which keys, which endpoints.

It only reads. It does not know how anything is signed, how a grant comes to be, or what a password is.
"""
