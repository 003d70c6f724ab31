"""How long the revocations that operators cause are remembered, and how far back a token may still be on its way."""

from __future__ import annotations

from datetime import timedelta

# The longest access token lifetime that settings allow: after it, nothing a revocation kills can be alive. What can be
# refreshed is ended by its own row.
REVOCATION_LIFETIME = timedelta(hours=1)

# A replica may make tokens of a client that it has read as long ago as settings allow (`client_stale_lifetime`), with
# the epoch that it read.
EPOCH_LIFETIME = timedelta(hours=1) + REVOCATION_LIFETIME

# For release 0.1.0, whose tokens are compared by time: a redemption or refresh that committed just before its user or
# client was ended may mint its token just after, and "issued before" would spare it. So a user or a client is revoked
# for so much longer: either may have too much to name. It is longer than any statement and the answer to it take.
IN_FLIGHT = timedelta(seconds=30)
