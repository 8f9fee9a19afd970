"""What WizChat is measured against: the same API as people write it with DRF and with django-ninja."""
