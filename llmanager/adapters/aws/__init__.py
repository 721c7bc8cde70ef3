"""Models on Amazon SageMaker AI, through boto3 clients that wiring makes and hands over."""
