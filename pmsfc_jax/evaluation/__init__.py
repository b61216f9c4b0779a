"""Tables of methods on the same photographs at equal cost: what is run, measured and written."""
