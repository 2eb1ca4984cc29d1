  starting_position = "TRIM_HORIZON"
  batch_size        = 100

  # The answer names the first record that failed. A batch that fails as a whole is divided, until its bad record is
  # alone. That one is tried three times more, and the queue then gets its place in the stream.
  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 3
  maximum_record_age_in_seconds  = 86400

  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.failures.arn
    }
  }

  depends_on = [aws_iam_role_policy.least]
