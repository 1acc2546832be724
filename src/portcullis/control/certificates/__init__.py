"""Looking after certificates: which there are, what is wrong with them, and new ones for the workers."""
