"""One module per framework, each with `setup(app, application)`; import the one you need."""
