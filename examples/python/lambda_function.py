"""A handler as one writes it for Lambda's Python: nothing in here knows of Bulkhead."""

import random

events = 0


def handler(event, context):
    global events
    events += 1
    print("request", context.aws_request_id)
    if "fail" in event:
        raise ValueError(event["fail"])
    while "loop" in event:
        pass
    return {"message": f"Hello {event['name']}!", "events": events, "random": random.random()}
