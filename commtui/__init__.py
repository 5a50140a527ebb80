"""commtui: a terminal console for everything a company sends to its customers."""
