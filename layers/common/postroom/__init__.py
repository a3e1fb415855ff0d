"""Postroom: connect mailboxes, keep a faithful copy of their mail, send from them."""

__version__ = "0.1.0"
