"""A client that has never heard of Lineal: it learns services and messages from the server and calls them."""
