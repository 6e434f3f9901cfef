"""Rules of the gateway: rate limits and the stream of changes."""
