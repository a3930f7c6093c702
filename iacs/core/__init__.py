"""The base of every module, without dependency injection; packages that begin with `_` belong to one module here."""
