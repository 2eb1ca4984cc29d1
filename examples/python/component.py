"""What is built: the handler of `lambda_function.py`, called as Lambda would call it."""

import sys

import bulkhead_lambda
import lambda_function
from wit_world import exports

# Requests of urllib go through the host. Importing it costs memory, so a handler without urllib does without.
if "urllib.request" in sys.modules:
    import bulkhead_http


class Handler(exports.Handler):
    def handle(self, event, context):
        return bulkhead_lambda.call(lambda_function.handler, event, context)
