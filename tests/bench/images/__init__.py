"""What an image costs: by the size of the table, and by how much of it changed; beside Spark's MERGE, and what readers pay for it."""
