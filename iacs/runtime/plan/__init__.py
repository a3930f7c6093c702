"""How each value of a graph is computed."""
