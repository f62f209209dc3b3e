"""What makes a captured graph smaller and faster, and leaves its answer as it is."""
