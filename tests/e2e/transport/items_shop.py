"""The document of a shop whose one operation is ``GET /items``: what these tests are about is how it is reached."""

SPEC = """\
openapi: 3.1.0
info: {title: Shop, version: "1"}
paths: {/items: {get: {responses: {"200": {description: Items.}}}}}
"""
