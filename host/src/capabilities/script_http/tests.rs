use super::super::response_stream::ResponseChannel;
use super::*;

/// An event of a function URL.
const URL: &str = r#"{"rawPath": "/a", "rawQueryString": "b=1", "headers": {"x-a": "ü"}, "body": "text",
    "requestContext": {"http": {"method": "POST"}, "domainName": "x.lambda-url.eu-west-1.on.aws"}}"#;

struct Sandbox {
    http: ScriptHttp,
    policy: Policy,
    channel: ResponseChannel,
    response: Response,
    table: ResourceTable,
}

impl Sandbox {
    fn of(event: &str, invoke_mode: InvokeMode) -> Self {
        let policy = Policy { invoke_mode, ..Policy::default_for("notes") };
        let (channel, mut response) = (ResponseChannel::default(), Response::default());
        response.begin(Some(channel.clone()), 1000);
        let http = ScriptHttp::Event(Bytes::from(event.to_owned()));
        Self { http, policy, channel, response, table: ResourceTable::new() }
    }

    fn view(&mut self) -> View<'_> {
        View { http: &mut self.http, policy: &self.policy, response: &self.response, table: &mut self.table }
    }

    /// Begins a response with a header, and writes a body.
    fn respond(&mut self, status: u16, body: &'static str) -> Result<(), Told> {
        let headers = vec![("X-B".to_owned(), "1".to_owned())];
        let head = HttpHead { status, headers, cookies: vec!["c=1".to_owned()] };
        let stream = self.view().respond(&head).unwrap()?;
        self.table.get_mut(&stream).unwrap().write(body.into()).unwrap();
        Ok(())
    }
}

#[test]
fn an_event_is_taken_as_a_request_once() {
    let mut sandbox = Sandbox::of(URL, InvokeMode::Buffered);
    let request = sandbox.view().receive(false).unwrap_or_else(|why| panic!("{why:?}"));
    assert_eq!((&*request.method, &*request.url), ("POST", "https://x.lambda-url.eu-west-1.on.aws/a?b=1"));
    assert!(request.headers.contains(&("x-a".to_owned(), "ü".to_owned())), "{:?}", request.headers);
    assert_eq!(request.body, b"text");
    assert_eq!(sandbox.view().receive(false).err(), Some(NoRequest::Refused));
    assert!(matches!(sandbox.http, ScriptHttp::Taken { source: HttpSource::FunctionUrl, is_head: false }));
}

#[test]
fn another_event_is_refused_or_left_to_another_handler_or_made_a_request() {
    let mut sandbox = Sandbox::of("[1]", InvokeMode::Buffered);
    assert_eq!(sandbox.view().receive(true).err(), Some(NoRequest::OtherEvent));
    assert!(matches!(sandbox.http, ScriptHttp::Closed));
    let mut sandbox = Sandbox::of("[1]", InvokeMode::Buffered);
    assert_eq!(sandbox.view().receive(false).err(), Some(NoRequest::Refused));
    assert!(matches!(sandbox.http, ScriptHttp::Refused(HttpEventError::NotHttp(_))));
    let mut sandbox = Sandbox::of("[1]", InvokeMode::Buffered);
    sandbox.policy.other_events = OtherEvents::Post;
    let request = sandbox.view().receive(true).unwrap_or_else(|why| panic!("{why:?}"));
    assert_eq!((&*request.method, &*request.body), ("POST", &b"[1]"[..]));
    assert!(request.url.ends_with("/events"), "{}", request.url);
    // No server would take this one.
    let event = r#"{"rawPath": "/../b", "requestContext": {"http": {"method": "GET"}}}"#;
    let mut sandbox = Sandbox::of(event, InvokeMode::Buffered);
    assert_eq!(sandbox.view().receive(true).err(), Some(NoRequest::Refused));
    assert!(matches!(sandbox.http, ScriptHttp::Refused(HttpEventError::Refused { .. })));
}

#[test]
fn a_response_is_collected() {
    let mut sandbox = Sandbox::of(URL, InvokeMode::Buffered);
    assert!(matches!(sandbox.respond(200, "x"), Err(Told::Opened)), "there is no request yet");
    drop(sandbox.view().receive(false));
    for status in [99, 100, 600] {
        assert!(
            matches!(sandbox.respond(status, ""), Err(Told::Invalid(why)) if why.contains("valid status"))
        );
    }
    sandbox.respond(201, "body").unwrap();
    assert!(matches!(sandbox.respond(200, "x"), Err(Told::Opened)), "it has begun");
    let ScriptHttp::Collects(response) = sandbox.http else { panic!("it is not streamed") };
    assert_eq!((response.status, response.body.take_all()), (StatusCode::CREATED, b"body".to_vec()));
    assert_eq!(
        (&response.headers["x-b"], &response.headers["set-cookie"]),
        (&"1".parse().unwrap(), &"c=1".parse().unwrap())
    );
    assert!(sandbox.channel.take().is_none());
}

#[tokio::test]
async fn a_response_is_streamed_where_its_caller_can_read_that() {
    let mut sandbox = Sandbox::of(URL, InvokeMode::ResponseStream);
    drop(sandbox.view().receive(false));
    sandbox.respond(201, "body").unwrap();
    let mut opened = sandbox.channel.take().expect("a stream");
    assert!(opened.head.prelude[0].starts_with(br#"{"statusCode":201,"headers":{"x-b":"1"}"#));
    assert_eq!(opened.pieces.recv().await.unwrap(), "body");
    // The body of a response without one is not sent.
    let mut sandbox = Sandbox::of(URL, InvokeMode::ResponseStream);
    drop(sandbox.view().receive(false));
    sandbox.respond(204, "body").unwrap();
    assert!(sandbox.channel.take().expect("a stream").pieces.try_recv().is_err());
    // A load balancer reads no streams.
    let event = r#"{"httpMethod": "HEAD", "path": "/", "requestContext": {"elb": {}}}"#;
    let mut sandbox = Sandbox::of(event, InvokeMode::ResponseStream);
    drop(sandbox.view().receive(false));
    sandbox.respond(200, "body").unwrap();
    let ScriptHttp::Collects(response) = sandbox.http else { panic!("it is not streamed") };
    assert_eq!(response.body.take_all(), b"", "a response to HEAD has no body");
}
