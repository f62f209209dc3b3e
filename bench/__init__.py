"""Benchmarks: verify, then time, then record. Run one as `python -m bench.NAME` from the root of the source tree."""
