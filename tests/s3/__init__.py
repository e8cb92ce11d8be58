"""Real S3 servers for the tests, and a proxy that fails as networks and stores do."""
