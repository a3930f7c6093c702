"""The pytest plugin for tests of applications that run on the runtime; every installation includes it."""
