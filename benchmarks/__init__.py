"""Measured work, printed and never asserted: `python -m benchmarks.<name> --json`."""
