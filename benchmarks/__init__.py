"""Benchmarks of the library; each module is a program that prints its results."""
