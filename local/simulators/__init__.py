"""Small, stateful mail servers that speak the providers' public HTTP APIs."""
