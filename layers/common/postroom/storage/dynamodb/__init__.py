"""The one table. `keys.py` holds every key."""
