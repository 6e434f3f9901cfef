"""What the service does: take touchpoints in, record them, read a timeline. Knows ports, not adapters."""
