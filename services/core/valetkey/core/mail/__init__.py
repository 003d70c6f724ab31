"""Mails to users: which there are, what each says, and to whom. How they are worded and sent is not known here."""
