"""CloudWatch: alarms, and the metrics of inference components."""
