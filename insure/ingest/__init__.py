"""Where outages come from: one module per kind of source."""
