"""How addresses of others are looked up."""
