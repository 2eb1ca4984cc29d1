"""Lambda's way to call a Python handler, on Bulkhead's contract (`wit/lambda.wit`): JSON in and out, the context under the
names that Lambda has for it, and an exception as the failure of the event. Copy it; there is nothing to configure."""

import json
import time
import traceback

from componentize_py_types import Err
from wit_world.imports.bulkhead_lambda_types import Failure


def call(handler, event, context):
    """What `handler(event, context)` makes of an event, as bytes."""
    try:
        output = handler(json.loads(event) if event else None, Context(context))
        return json.dumps(output).encode()
    except Exception as error:
        # This function's own frame is of no use to anybody.
        frames = traceback.extract_tb(error.__traceback__)[1:]
        stack = [line.rstrip() for line in traceback.format_list(frames)]
        raise Err(Failure(type(error).__name__, str(error), stack)) from None


class Context:
    """The context of one event."""

    def __init__(self, context):
        self.aws_request_id = context.request_id
        self.invoked_function_arn = context.invoked_function_arn
        self.function_name = context.function.name
        self.function_version = context.function.version
        self.memory_limit_in_mb = str(context.function.memory_mb)
        self.log_group_name = context.function.log_group
        self.log_stream_name = context.function.log_stream
        self.tenant_id = context.tenant_id
        self.client_context = json.loads(context.client_context) if context.client_context else None
        self.identity = context.identity
        self._deadline_ms = context.deadline_ms

    def get_remaining_time_in_millis(self):
        return max(0, self._deadline_ms - int(time.time() * 1000))
