"""What Kafka's client and the HTTP client have in common about certificates."""
