"""What the words mean: frozen dataclasses and rules on the standard library alone."""
