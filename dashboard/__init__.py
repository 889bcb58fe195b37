"""What underwriters, stakers and protocols see in a browser."""
