"""End to end on the local cloud: real broker, real functions, every claim against an oracle."""
