//! Requests with credentials, as they arrive at a server that keeps every byte, and attempts to get a credential.

mod aws;
mod rotation;
mod secrets;
mod sessions;

use super::*;
use crate::credentials::tests::{Variables, broker, role};
use crate::http1::test_server::recorder::{Recorded, Recorder, response};
use crate::policy::{Authentication, AwsSigning, Credential};

/// A handler whose only grant is a credential for this host.
fn handler(host: &str, authentication: Authentication, vars: Variables) -> Handler {
    handler_at(host, authentication, vars, Resolver::System, &[])
}

fn handler_at(
    host: &str,
    authentication: Authentication,
    vars: Variables,
    resolver: Resolver,
    roots: &[(PathBuf, Vec<u8>)],
) -> Handler {
    let (log, file) = log();
    let mut policy = Policy::default_for("hello");
    policy.grants.allowed_private_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let hosts = vec![host.parse().unwrap()];
    policy.grants.credentials = vec![Arc::new(Credential { name: "cred".into(), hosts, authentication })];
    let clients = Clients::with_resolver(log, "127.0.0.1:1", roots, resolver).unwrap();
    Handler { clients: clients.with_broker(broker(vars)), policy, log: file }
}

impl Outbound {
    /// Sends a request as a guest does.
    async fn ask(&mut self, request: Request<WasiBody>) -> Result<(u16, String), Error> {
        let sending = self.send_request(request, None, Box::new(async { Ok(()) }));
        let (response, _) = Box::into_pin(sending).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// A request with these headers.
fn with(method: &str, uri: &str, headers: &[(&str, &str)], body: &'static str) -> Request<WasiBody> {
    let mut request = request(method.parse().unwrap(), uri, body);
    for (name, value) in headers {
        let (name, value): (HeaderName, _) = (name.parse().unwrap(), value.parse().unwrap());
        request.headers_mut().append(name, value);
    }
    request
}

fn signing(service: &str) -> Authentication {
    Authentication::Aws(AwsSigning {
        region: Some("eu-west-1".into()),
        service: Some(service.into()),
        ..AwsSigning::default()
    })
}
