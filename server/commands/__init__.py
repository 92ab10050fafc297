"""The commands of `lineal-server`, a module each. The command line imports the one that is asked for."""
