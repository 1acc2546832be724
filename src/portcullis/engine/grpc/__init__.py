"""gRPC over HTTP/2, as the gateway looks at it: services from a descriptor set, messages, deadlines, statuses.

A gRPC API is an OpenAPI document with one path for each method (:mod:`portcullis.engine.grpc.document`), so everything
that holds for operations holds for it. What is in messages is looked at by one policy, ``validate.grpc``.
"""
