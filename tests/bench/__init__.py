"""How fast: latency of the whole way, throughput of bridge and ingest, starts of functions, and two yardsticks in the same run."""
