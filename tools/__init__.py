"""How files that ship were made; nothing here is installed."""
