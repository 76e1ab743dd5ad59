"""Training: typed rows in, weights and figures out. Only training loads scikit-learn; the engine never comes here."""
