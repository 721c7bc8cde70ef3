"""`./run.sh deploy`, `diff` and `destroy`: the CDK app put on AWS and taken off it again.

Which AWS is a matter of boto3's own variables (AWS_ENDPOINT_URL, AWS_PROFILE, …): `./run.sh emulate` runs this.
"""
