"""Mailboxes, and the parser that turns mail files into Graph's messages."""
