"""The compiled inside of the portfolio simulation: random numbers, outages, payouts, and a plain twin of it."""
