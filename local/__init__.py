"""The local stack: `make run` and what it is made of. Nothing here is deployed."""
