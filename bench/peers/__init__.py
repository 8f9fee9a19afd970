"""What WizChat is compared with: the same API, written the usual way with DRF and with django-ninja."""
