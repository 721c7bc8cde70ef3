"""What stands on AWS, made from the settings: one module a noun."""
