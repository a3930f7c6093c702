"""A web service over stored mail, with sign-in in the browser and health."""
