"""What every module stands on; it knows no injector. Packages that begin with `_` are private to one module here."""
