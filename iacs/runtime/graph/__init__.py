"""Reads a container: kinds of providers, the graph they form, and what a name in it means."""
