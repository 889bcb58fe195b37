"""Where outages come from: sources are asked and archived, their reports reconciled, and a person decides."""
