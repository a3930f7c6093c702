"""A module of your own in the application: schema, service, container, and one line that adds it."""
