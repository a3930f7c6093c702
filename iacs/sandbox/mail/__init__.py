"""Mailboxes: mail files, read into messages in Graph's shape."""
