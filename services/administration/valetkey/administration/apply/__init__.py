"""Declarations: from a file to the registrations it asks for. Only ``execute`` changes anything."""
