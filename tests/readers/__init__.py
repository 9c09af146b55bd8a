"""Reads the lake with software that is not ours: PyIceberg, DuckDB, PyArrow, boto3."""
