"""Mailboxes: from files as they are to messages as Graph tells them."""
