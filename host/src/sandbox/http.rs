//! A service's event and answer: the event becomes a request, and the response is collected while the service runs.
//!
//! A service may set its response and write the body while it still runs, so body and service take turns. It is
//! answered when the service has returned: what it does after its response is part of the event too.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::response::Parts;
use hyper::http::uri;
use hyper::{Method, Request, Response, StatusCode};
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::{
    DnsErrorPayload, ErrorCode, FieldSizePayload, Scheme, TlsAlertReceivedPayload,
};
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

use crate::capabilities::limits::Exceeded;
use crate::capabilities::response_stream::{self, Head};
use crate::capabilities::{Serving, State};
use crate::http_event::{HttpEvent, HttpEventError, HttpSource, ResponseError, has_body};
use crate::policy::{InvokeMode, Limit, OtherEvents, Policy};
use crate::sandbox::outcome::Outcome;
use crate::text::bounded;

/// As much of an error that a service gave is told.
const MAX_ERROR: usize = 1024;

/// A service that returned without a response that can be sent.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It dropped its `response-outparam`, or kept it.
    #[error("the service returned without a response; it has to set its `response-outparam`")]
    NoResponse,
    /// It set an error in place of a response.
    #[error("the service gave an error in place of a response: {0}")]
    Error(String),
    /// It dropped the body before its end, kept it open, or wrote another number of bytes than it had announced.
    #[error(
        "the service did not finish the body of its response; it has to call `outgoing-body.finish` after as many bytes as \
         its Content-Length says"
    )]
    BodyUnfinished,
    /// It cannot be told to whoever sent the event.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

/// Has a service handle an event.
pub(super) async fn handle(
    service: &Proxy,
    store: &mut Store<State>,
    event: &Bytes,
    policy: &Policy,
) -> wasmtime::Result<Outcome> {
    let streams = |source: HttpSource| policy.invoke_mode == InvokeMode::ResponseStream && source.streams();
    let HttpEvent { source, request } = match HttpEvent::parse(event) {
        Ok(event) => event,
        Err(HttpEventError::NotHttp(_)) if policy.other_events == OtherEvents::Post => {
            HttpEvent::plain(event.clone())
        }
        Err(error) => {
            let Some((source, status)) = error.refusal() else { return Ok(Outcome::NotHttp(error)) };
            let refused = Refused::new(status, &error);
            return if streams(source) {
                refused.stream(&store.data().response).await
            } else {
                Ok(refused.whole(source, policy.limits.response))
            };
        }
    };
    if streams(source) {
        return stream(service, store, request).await;
    }
    let response = serve(service, store, request, policy.limits.response).await?;
    let reply = response.and_then(|(head, body)| {
        reply(source, head.status, &head.headers, &body, policy.limits.response).map_err(ServiceError::from)
    });
    Ok(reply.unwrap_or_else(Outcome::ServiceFailed))
}

/// What the client of a bad request gets, without the service.
struct Refused {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Refused {
    fn new(status: StatusCode, error: &HttpEventError) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Self { status, headers, text: format!("{error}\n") }
    }

    fn whole(self, source: HttpSource, limit: usize) -> Outcome {
        let reply = reply(source, self.status, &self.headers, self.text.as_bytes(), limit);
        reply.unwrap_or_else(|error| Outcome::ServiceFailed(error.into()))
    }

    /// Whoever reads a stream does not understand a response that is whole.
    async fn stream(self, response: &response_stream::Response) -> wasmtime::Result<Outcome> {
        let head = Head::http(self.status, &self.headers);
        let sent = match head.map_err(ServiceError::from).and_then(|head| open(response, head)) {
            Ok(writer) => writer.send(self.text.into()).await.map(drop),
            Err(error) => return Ok(Outcome::ServiceFailed(error)),
        };
        sent?;
        Ok(Outcome::Replied(Vec::new()))
    }
}

/// The response as the event's sender wants it, if that is not too large: a body may be six times as long in JSON.
fn reply(
    source: HttpSource,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    limit: usize,
) -> Result<Outcome, ResponseError> {
    let size = source.response_len(status, headers, body)?;
    if size > limit {
        return Ok(Outcome::ResponseTooLarge { size: Some(size), limit });
    }
    source.response(status, headers, body).map(Outcome::Replied)
}

/// What a service takes: the request, and where its response goes.
fn arguments(
    store: &mut Store<State>,
    request: Request<Bytes>,
) -> wasmtime::Result<(Resource<HostIncomingRequest>, Resource<HostResponseOutparam>, Receiver)> {
    let scheme = scheme(request.uri());
    store.data_mut().serving = Serving::Request { is_head: request.method() == Method::HEAD };
    let request = request.map(|body| Full::new(body).map_err(|never| -> Error { match never {} }));
    let (sender, receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    Ok((http.new_incoming_request(scheme, request)?, http.new_response_outparam(sender)?, receiver))
}

/// The error that a service set. It can hold texts of the service's, as long as one call takes.
fn given(mut code: ErrorCode) -> ServiceError {
    if let Some(text) = texts(&mut code) {
        bounded::shorten(text, MAX_ERROR);
    }
    ServiceError::Error(bounded::text(format_args!("{code:?}"), MAX_ERROR))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most errors hold no text")]
fn texts(code: &mut ErrorCode) -> Option<&mut String> {
    match code {
        ErrorCode::DnsError(DnsErrorPayload { rcode: text, .. })
        | ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_message: text, .. })
        | ErrorCode::HttpRequestHeaderSize(Some(FieldSizePayload { field_name: text, .. }))
        | ErrorCode::HttpRequestTrailerSize(FieldSizePayload { field_name: text, .. })
        | ErrorCode::HttpResponseHeaderSize(FieldSizePayload { field_name: text, .. })
        | ErrorCode::HttpResponseTrailerSize(FieldSizePayload { field_name: text, .. })
        | ErrorCode::HttpResponseTransferCoding(text)
        | ErrorCode::HttpResponseContentCoding(text)
        | ErrorCode::InternalError(text) => text.as_mut(),
        _ => None,
    }
}

/// Calls the service. The response comes while it runs, and is the event's only if it returns.
async fn serve(
    service: &Proxy,
    store: &mut Store<State>,
    request: Request<Bytes>,
    limit: usize,
) -> wasmtime::Result<Result<(Parts, Vec<u8>), ServiceError>> {
    let is_head = request.method() == Method::HEAD;
    let (request, outparam, receiver) = arguments(store, request)?;
    let mut receiving = Receiving::new(receiver, is_head, limit);
    {
        let mut call = pin!(service.wasi_http_incoming_handler().call_handle(store, request, outparam));
        tokio::select! {
            biased;
            returned = &mut call => returned?,
            received = receiving.rest() => {
                received?;
                call.await?;
            }
        }
    }
    // What it wrote last waits to be taken. What it has not written by now never comes.
    tokio::select! {
        biased;
        received = receiving.rest() => received?,
        () = std::future::ready(()) => (),
    }
    Ok(receiving.finish())
}

/// Calls the service, and sends its response on as it comes.
async fn stream(
    service: &Proxy,
    store: &mut Store<State>,
    request: Request<Bytes>,
) -> wasmtime::Result<Outcome> {
    let is_head = request.method() == Method::HEAD;
    let (request, outparam, receiver) = arguments(store, request)?;
    let response = store.data().response.clone();
    let has_ended = AtomicBool::new(false);
    let mut sent = pin!(forward(receiver, is_head, &response, &has_ended));
    let mut call = pin!(service.wasi_http_incoming_handler().call_handle(store, request, outparam));
    let mut has_returned = false;
    let sent = loop {
        tokio::select! {
            biased;
            // What it wrote last is still to be sent.
            returned = &mut call, if !has_returned => {
                returned?;
                has_returned = true;
                has_ended.store(true, Ordering::Relaxed);
            }
            sent = &mut sent => break sent?,
        }
    };
    if !has_returned {
        call.await?;
    }
    Ok(sent.map_or_else(Outcome::ServiceFailed, |()| Outcome::Replied(Vec::new())))
}

/// Sends a response on, piece by piece, no faster than whoever reads it.
async fn forward(
    mut receiver: Receiver,
    is_head: bool,
    response: &response_stream::Response,
    has_ended: &AtomicBool,
) -> Result<Result<(), ServiceError>, Exceeded> {
    let came = unless_ended(has_ended, |context| Pin::new(&mut receiver).poll(context)).await;
    let (head, mut body) = match came {
        Some(Ok(Ok(response))) => response.into_parts(),
        Some(Ok(Err(code))) => return Ok(Err(given(code))),
        Some(Err(_)) | None => return Ok(Err(ServiceError::NoResponse)),
    };
    let sends_body = has_body(is_head, head.status);
    let opened = Head::http(head.status, &head.headers).map_err(ServiceError::from);
    let writer = match opened.and_then(|head| open(response, head)) {
        Ok(writer) => writer,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let frame = match unless_ended(has_ended, |context| Pin::new(&mut body).poll_frame(context)).await {
            Some(Some(Ok(frame))) => frame,
            Some(None) => break,
            Some(Some(Err(_))) | None => return Ok(Err(ServiceError::BodyUnfinished)),
        };
        // Nobody who sends events takes trailers.
        let piece = frame.into_data().unwrap_or_default();
        if sends_body && !piece.is_empty() && !writer.send(piece).await? {
            break;
        }
    }
    Ok(Ok(()))
}

/// What is there, or comes while the service runs. What it has not written when it returns never comes.
async fn unless_ended<T>(
    has_ended: &AtomicBool,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    // Tokio would have it wait now and then although there is something to receive.
    tokio::task::unconstrained(std::future::poll_fn(|context| match poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if has_ended.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    }))
    .await
}

/// Opens the stream. An event of a service is never a part of a batch, and this is the first response to it.
fn open(response: &response_stream::Response, head: Head) -> Result<response_stream::Writer, ServiceError> {
    response.open(head).map_err(|_| ServiceError::NoResponse)
}

fn scheme(uri: &hyper::Uri) -> Scheme {
    if uri.scheme() == Some(&uri::Scheme::HTTP) { Scheme::Http } else { Scheme::Https }
}

/// Where the response comes from, or the error that was set in its place.
type Receiver = oneshot::Receiver<Result<Response<WasiBody>, ErrorCode>>;

/// A response on its way out of a service.
struct Receiving {
    state: Receives,
    /// Whether the request's method is HEAD.
    is_head: bool,
    head: Option<Parts>,
    collected: Vec<u8>,
    limit: usize,
}

enum Receives {
    Head(Receiver),
    Body(WasiBody),
    Ended(Result<(), ServiceError>),
}

impl Receiving {
    fn new(receiver: Receiver, is_head: bool, limit: usize) -> Self {
        Self { state: Receives::Head(receiver), is_head, head: None, collected: Vec::new(), limit }
    }

    /// Takes a piece of the body, if the response has one.
    fn collect(&mut self, piece: &[u8]) -> Result<(), Exceeded> {
        if !self.head.as_ref().is_some_and(|head| has_body(self.is_head, head.status)) {
            return Ok(());
        }
        if piece.len() > self.limit.saturating_sub(self.collected.len()) {
            let allowed = u64::try_from(self.limit).unwrap_or(u64::MAX);
            return Err(Exceeded { limit: Limit::Response, allowed });
        }
        self.collected.extend_from_slice(piece);
        Ok(())
    }

    /// Receives all that comes. It may be dropped and called again.
    ///
    /// # Errors
    /// When there is too much of it.
    async fn rest(&mut self) -> Result<(), Exceeded> {
        // Tokio would have it wait now and then although there is something to receive, which is taken for its end.
        tokio::task::unconstrained(std::future::poll_fn(|context| self.poll(context))).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Exceeded>> {
        loop {
            match &mut self.state {
                Receives::Head(receiver) => match ready!(Pin::new(receiver).poll(context)) {
                    Ok(Ok(response)) => {
                        let (head, body) = response.into_parts();
                        self.head = Some(head);
                        self.state = Receives::Body(body);
                    }
                    Ok(Err(code)) => self.state = Receives::Ended(Err(given(code))),
                    Err(_) => self.state = Receives::Ended(Err(ServiceError::NoResponse)),
                },
                Receives::Body(body) => match ready!(Pin::new(body).poll_frame(context)) {
                    // Nobody who sends events takes trailers.
                    Some(Ok(frame)) => {
                        let piece = frame.into_data().unwrap_or_default();
                        if let Err(exceeded) = self.collect(&piece) {
                            return Poll::Ready(Err(exceeded));
                        }
                    }
                    Some(Err(_)) => self.state = Receives::Ended(Err(ServiceError::BodyUnfinished)),
                    None => self.state = Receives::Ended(Ok(())),
                },
                Receives::Ended(_) => return Poll::Ready(Ok(())),
            }
        }
    }

    /// The response, if all of it came.
    fn finish(self) -> Result<(Parts, Vec<u8>), ServiceError> {
        match self.state {
            Receives::Head(_) => return Err(ServiceError::NoResponse),
            Receives::Body(_) => return Err(ServiceError::BodyUnfinished),
            Receives::Ended(ended) => ended?,
        }
        let head = self.head.ok_or(ServiceError::NoResponse)?;
        Ok((head, self.collected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use http_body::Frame;
    use tokio::sync::mpsc;

    /// A body that comes piece by piece, as services write it.
    struct Pieces(mpsc::UnboundedReceiver<Result<Frame<Bytes>, Error>>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
            self.0.poll_recv(context)
        }
    }

    type Writer = mpsc::UnboundedSender<Result<Frame<Bytes>, Error>>;

    /// A service that has set its response, and what it writes the body with.
    fn responded(limit: usize) -> (Receiving, Writer) {
        responded_to(false, 201, limit)
    }

    fn responded_to(is_head: bool, status: u16, limit: usize) -> (Receiving, Writer) {
        let (sender, receiver) = oneshot::channel();
        let (writer, pieces) = mpsc::unbounded_channel();
        let body = Pieces(pieces).boxed_unsync();
        sender.send(Ok(Response::builder().status(status).body(body).unwrap())).unwrap();
        (Receiving::new(receiver, is_head, limit), writer)
    }

    fn piece(bytes: &'static [u8]) -> Result<Frame<Bytes>, Error> {
        Ok(Frame::data(Bytes::from_static(bytes)))
    }

    fn why(receiving: Receiving) -> String {
        receiving.finish().unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_body_is_collected_however_often_that_is_interrupted() {
        let (mut receiving, writer) = responded(10_000);
        for _ in 0..1000 {
            writer.send(piece(b"piece")).unwrap();
            tokio::select! {
                biased;
                ended = receiving.rest() => panic!("{ended:?}"),
                () = std::future::ready(()) => {}
            }
        }
        writer.send(Ok(Frame::trailers(HeaderMap::new()))).unwrap();
        drop(writer);
        receiving.rest().await.unwrap();
        let (head, body) = receiving.finish().unwrap();
        assert_eq!((head.status, body.len()), (StatusCode::CREATED, 5000));
    }

    #[tokio::test]
    async fn what_was_written_before_the_return_is_taken_at_once() {
        let (mut receiving, writer) = responded(usize::MAX);
        for _ in 0..1000 {
            writer.send(piece(b"piece")).unwrap();
        }
        drop(writer);
        tokio::select! {
            biased;
            ended = receiving.rest() => ended.unwrap(),
            () = std::future::ready(()) => panic!("it waits, although all of it is there"),
        }
        assert_eq!(receiving.finish().unwrap().1.len(), 5000);
    }

    #[tokio::test]
    async fn a_body_may_be_as_long_as_a_response_and_no_longer() {
        let (mut receiving, writer) = responded(10);
        writer.send(piece(b"piece")).unwrap();
        writer.send(piece(b"piece")).unwrap();
        writer.send(piece(b"!")).unwrap();
        let exceeded = receiving.rest().await.unwrap_err();
        assert_eq!((exceeded.limit, exceeded.allowed), (Limit::Response, 10));
    }

    #[tokio::test]
    async fn a_response_that_has_no_body_is_sent_without_what_was_written() {
        for (is_head, status) in [(true, 200), (false, 304), (false, 204)] {
            let (mut receiving, writer) = responded_to(is_head, status, 3);
            writer.send(piece(b"piece")).unwrap();
            drop(writer);
            receiving.rest().await.unwrap();
            let (head, body) = receiving.finish().unwrap();
            assert_eq!((head.status.as_u16(), body.len()), (status, 0));
        }
    }

    #[tokio::test]
    async fn each_way_not_to_respond_has_its_text() {
        let (sender, receiver) = oneshot::channel();
        assert!(why(Receiving::new(receiver, false, 0)).contains("without a response"), "it was kept");
        drop(sender);
        let (sender, receiver) = oneshot::channel();
        sender.send(Err(ErrorCode::LoopDetected)).unwrap();
        let mut receiving = Receiving::new(receiver, false, 0);
        receiving.rest().await.unwrap();
        assert!(why(receiving).ends_with("ErrorCode::LoopDetected"));
        let (mut receiving, writer) = responded(10);
        writer.send(Err(Error::HttpProtocolError)).unwrap();
        receiving.rest().await.unwrap();
        assert!(why(receiving).contains("did not finish the body"));
    }

    #[test]
    fn an_error_is_cut_before_it_is_written_out() {
        let long = || Some("\u{1}".repeat(15_000_000));
        let size = || FieldSizePayload { field_name: long(), field_size: Some(1) };
        for code in [
            ErrorCode::InternalError(long()),
            ErrorCode::DnsError(DnsErrorPayload { rcode: long(), info_code: None }),
            ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload { alert_id: None, alert_message: long() }),
            ErrorCode::HttpRequestHeaderSize(Some(size())),
            ErrorCode::HttpRequestTrailerSize(size()),
            ErrorCode::HttpResponseHeaderSize(size()),
            ErrorCode::HttpResponseTrailerSize(size()),
            ErrorCode::HttpResponseTransferCoding(long()),
            ErrorCode::HttpResponseContentCoding(long()),
        ] {
            let told = given(code).to_string();
            assert!(told.len() < 2 * MAX_ERROR && told.contains(r"\u{1}"), "{} bytes", told.len());
        }
    }

    #[tokio::test]
    async fn a_body_that_is_kept_open_is_not_finished() {
        let (mut receiving, writer) = responded(10);
        writer.send(piece(b"piece")).unwrap();
        tokio::select! {
            biased;
            ended = receiving.rest() => panic!("{ended:?}"),
            () = std::future::ready(()) => {}
        }
        assert!(why(receiving).contains("did not finish the body"));
    }

    fn refused(event: &'static str) -> (HttpSource, Refused) {
        let error = HttpEvent::parse(&Bytes::from_static(event.as_bytes())).unwrap_err();
        let (source, status) = error.refusal().unwrap();
        (source, Refused::new(status, &error))
    }

    #[test]
    fn a_bad_request_is_answered_without_the_service() {
        let (source, refused) = refused(r#"{"httpMethod": "GET", "path": "/../b", "requestContext": {}}"#);
        let Outcome::Replied(response) = refused.whole(source, 1000) else {
            panic!("a client is told what is wrong")
        };
        let response: serde_json::Value = serde_json::from_slice(&response).unwrap();
        assert_eq!(response["statusCode"], 400);
        assert!(response["body"].as_str().unwrap().contains("`..`"), "{response}");
    }

    #[tokio::test]
    async fn a_bad_request_is_answered_by_a_stream_where_that_is_read() {
        let channel = response_stream::ResponseChannel::default();
        let mut response = response_stream::Response::default();
        response.begin(Some(channel.clone()), 1000);
        let (_, refused) = refused(r#"{"rawPath": "/../b", "requestContext": {"http": {"method": "GET"}}}"#);
        assert!(matches!(refused.stream(&response).await.unwrap(), Outcome::Replied(_)));
        let mut opened = channel.take().expect("a stream");
        assert!(opened.head.prelude[0].starts_with(br#"{"statusCode":400,"#));
        assert!(opened.pieces.recv().await.unwrap().ends_with(b"`..`\n"));
    }

    #[test]
    fn a_response_is_measured_as_it_is_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        let reply = |limit| reply(HttpSource::HttpApi, StatusCode::OK, &headers, &[1; 100], limit).unwrap();
        let Outcome::Replied(response) = reply(10_000) else { panic!("it is not that long") };
        assert!(response.len() > 600, "control characters take six bytes each");
        assert!(matches!(reply(response.len()), Outcome::Replied(_)));
        let size = Some(response.len());
        assert!(
            matches!(reply(response.len() - 1), Outcome::ResponseTooLarge { size: told, .. } if told == size)
        );
    }
}
