"""What the parts of `iacs.core` that hold resources have in common."""
