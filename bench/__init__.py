"""``make bench``: what WizChat costs, measured side by side with its peers."""
