"""What counts as a secret, and how text is made safe for logs and terminals; one answer for everybody."""
