"""Parametric downtime insurance for blockchains."""
