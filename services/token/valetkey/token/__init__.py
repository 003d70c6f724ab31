"""The service that talks to clients: ``/token`` and ``/revoke``. It knows no browsers, pages or passwords."""
