"""``make bench``: what authentication costs, measured side by side with its peers."""
