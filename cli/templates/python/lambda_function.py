"""The handler, written as for Lambda's own Python runtime."""


def handler(event, context):
    """Returns a greeting. Printed lines go to the log; an exception becomes the error of the event."""
    print("request", context.aws_request_id)
    return {"message": f"Hello {event['name']}!"}
