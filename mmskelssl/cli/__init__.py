"""What the scripts in ``tools/`` call."""
