"""Several machines as one service."""
