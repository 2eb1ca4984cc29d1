"""What is built: the handler of `lambda_function.py`, called as Lambda would call it."""

import bulkhead_lambda
import lambda_function
from wit_world import exports


class Handler(exports.Handler):
    def handle(self, event, context):
        return bulkhead_lambda.call(lambda_function.handler, event, context)
