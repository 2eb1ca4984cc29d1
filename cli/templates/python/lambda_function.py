"""The handler: what one writes for Lambda's own Python."""


def handler(event, context):
    """A greeting. What is printed is in the log; what is raised is the error of the event."""
    print("request", context.aws_request_id)
    return {"message": f"Hello {event['name']}!"}
