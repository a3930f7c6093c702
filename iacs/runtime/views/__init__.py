"""How the parts of a running application are read and replaced."""
