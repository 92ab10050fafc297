"""One folder per API: its codec and services. No API imports another; what they share is in rules and packages."""
