"""From start to stop."""
