"""Microsoft Graph v1.0: people and their mail."""
