"""SageMaker hosting: models, endpoint configurations, endpoints, inference components, tags."""
