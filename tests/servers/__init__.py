"""The command that the demo runs with real servers."""
