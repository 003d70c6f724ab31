"""The worker that sends mails from the outbox. It knows how they are worded and sent, not why."""
