"""Gmail and Google sign-in."""
