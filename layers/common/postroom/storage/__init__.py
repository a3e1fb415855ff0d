"""How it is kept: DynamoDB, S3, Secrets Manager, SQS."""
