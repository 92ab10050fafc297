"""The parts of the recorder, which `lineal.recorder` puts together. Programs use that module, or the names of the package."""
