"""Python services on people's Microsoft 365 mailboxes, wired by dependency injection.

Importing this imports nothing else. Begin with `iacs.containers` and `iacs.runtime`.
"""
