"""Relations, off the path of requests: the service that changes them, its routes, and the way of commands to it."""
