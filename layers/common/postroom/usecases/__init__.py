"""What we do: one file per verb, functions with keyword-only ports."""
