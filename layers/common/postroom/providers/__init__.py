"""How Gmail and Graph differ: the only place where their words may appear."""
