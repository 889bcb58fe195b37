"""Statistical models of outages and the price of cover: pure functions of values."""

__version__ = "0.1.0"
