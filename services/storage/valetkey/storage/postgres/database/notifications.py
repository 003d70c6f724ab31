"""The channels on which the triggers of the schema tell of changes."""

from __future__ import annotations

CLIENTS_CHANNEL = "valetkey_clients"
KEYS_CHANNEL = "valetkey_keys"
MAIL_CHANNEL = "valetkey_mail"

# On the channel of clients, the payload is a `client_id`, or this where a scope or a resource server has changed.
CATALOG_CHANGED = "*"
