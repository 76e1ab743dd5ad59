"""Files that ship with the package: manifest of model files, weights, demo clip."""
