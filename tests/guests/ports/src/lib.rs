//! Handlers as people write them for `lambda_runtime` and `lambda_http`, one of each shape in `src/bin`, and handlers that
//! await something. They are a package of their own because the executor of the other guests is not Tokio's.
