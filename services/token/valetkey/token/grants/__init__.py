"""One module per grant type; each is found by being here."""
