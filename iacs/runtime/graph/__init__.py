"""Reads a container: kinds of providers, and the graph they form."""
