"""What this suite says of a server and cannot say of one behind API Gateway: each with its reason."""

CANNOT_HOLD = {}
