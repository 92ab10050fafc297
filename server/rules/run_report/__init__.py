"""One run, for people: where it broke, what was different before, what it has not reached, and one level of its graph."""
