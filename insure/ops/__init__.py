"""What operators do: put an installation on a chain."""
