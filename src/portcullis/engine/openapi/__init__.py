"""From OpenAPI documents to compiled operations: reading, translating schemas, checking values, explaining."""
