"""Application Auto Scaling for the copies of inference components."""
