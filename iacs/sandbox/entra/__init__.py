"""Entra ID: metadata, sign-in and tokens."""
