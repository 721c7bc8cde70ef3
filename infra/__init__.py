"""The AWS deployment as a CDK app: templates only. It meets the product as built folders, and imports none of it."""
