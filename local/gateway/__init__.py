"""Amazon API Gateway's HTTP API, imitated in front of locally running Lambda functions."""
