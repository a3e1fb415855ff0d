"""How HTTP speaks: the wire contract, its words, shapes and errors."""
