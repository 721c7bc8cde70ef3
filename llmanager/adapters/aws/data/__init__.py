"""What AWS offers and asks for it, as JSON with a date and a source. Read by ../sagemaker_catalog.py."""
