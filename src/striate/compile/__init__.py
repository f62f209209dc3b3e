"""A whole network captured, fused, and run as one program."""
