"""The composition roots, one a platform: the only place that names adapters and reads settings."""
