"""How fast: latency of the whole way, throughput of bridge and ingest, and two yardsticks in the same run."""
