"""What the core does for each operation of a graph, a file a kind."""
