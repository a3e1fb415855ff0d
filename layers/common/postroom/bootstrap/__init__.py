"""The composition root: one module per function, so that each loads only its own."""
