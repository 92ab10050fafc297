"""The command line as its users meet it: words, exit statuses, settings, logs."""
