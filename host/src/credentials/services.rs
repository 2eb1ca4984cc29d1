//! The host's own requests to STS, SSM and Secrets Manager, signed with the role of the function. They block.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use super::Unavailable;
use crate::aws::sigv4::{Signable, Signing, digest_of};
use crate::aws::{Client, Clock, Credentials, Provider, Reply, Request, suffix_of};
use crate::http1::Server;
use crate::policy::manifest::Manifest;
use crate::policy::manifest::store::region;
use crate::policy::{Authentication, AwsSigning, SecretSource, Vars};

/// The time for a request and its reply. A guest whose event has less time left does not wait for it.
const TIME: Duration = Duration::from_secs(5);
/// The largest reply. A secret has 64 KiB at most.
const MAX_REPLY: u64 = 256 * 1024;

/// A service that the host asks for guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Sts,
    Ssm,
    SecretsManager,
}

impl Service {
    /// Its name in hosts and in signatures.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Ssm => "ssm",
            Self::SecretsManager => "secretsmanager",
        }
    }

    /// The variable with its URL, as SDKs read it.
    fn variable(self) -> &'static str {
        match self {
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::Ssm => "AWS_ENDPOINT_URL_SSM",
            Self::SecretsManager => "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        }
    }
}

/// A request to a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) service: Service,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a str,
}

/// What the requests need.
#[derive(Debug)]
pub(super) struct Services {
    client: Client,
    pub(super) vars: Environment,
    role: OnceLock<Provider>,
}

/// The environment of the process.
pub(super) struct Environment(Arc<dyn Vars + Send + Sync>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

impl Vars for Environment {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name)
    }
}

impl Services {
    pub(super) fn new(client: Client, vars: Arc<dyn Vars + Send + Sync>) -> Self {
        Self { client, vars: Environment(vars), role: OnceLock::new() }
    }

    pub(super) fn clock(&self) -> &Clock {
        self.client.clock()
    }

    /// The time on the clock of AWS.
    pub(super) fn now(&self) -> SystemTime {
        self.clock().now()
    }

    pub(super) fn region(&self) -> Result<String, Unavailable> {
        let name = self.vars.get("AWS_REGION").or_else(|| self.vars.get("AWS_DEFAULT_REGION"));
        let name = name.ok_or_else(|| Unavailable::new("the region is not known: AWS_REGION is not set"))?;
        region(&name).map_err(|error| Unavailable::new(format!("AWS_REGION: {error}")))
    }

    /// The credentials of the role, if they need not be fetched.
    pub(super) fn known_role(&self) -> Option<Arc<Credentials>> {
        self.provider().known(self.now())
    }

    /// The credentials of the role. It may block.
    pub(super) fn role(&self) -> Result<Arc<Credentials>, Unavailable> {
        let found = self.provider().get(&self.client, self.now());
        found.map_err(|error| Unavailable::new(error.to_string()))
    }

    fn provider(&self) -> &Provider {
        self.role.get_or_init(|| Provider::of_function(&self.vars))
    }

    /// Sends a request. The reply may have any status.
    ///
    /// # Errors
    /// If it cannot be signed, or if there is no valid reply.
    pub(super) fn call(&self, call: Call<'_>) -> Result<Reply, Unavailable> {
        let signed = self.now();
        let reply = self.attempt(call, signed)?;
        // None of these requests changes anything, so it may be sent again.
        if matches!(reply.status, 400 | 401 | 403) && self.clock().notice(reply.header("date"), signed) {
            return self.attempt(call, self.now());
        }
        Ok(reply)
    }

    fn attempt(&self, call: Call<'_>, now: SystemTime) -> Result<Reply, Unavailable> {
        let region = self.region()?;
        let (server, path) = self.server(call.service, &region)?;
        let credentials = self.role()?;
        let host = server.authority();
        let mut headers = vec![("host", host.as_str())];
        headers.extend(call.headers);
        let signable = Signable {
            method: "POST",
            path: &path,
            query: "",
            headers: &headers,
            body: &digest_of(call.body.as_bytes()),
        };
        let service = call.service.name();
        let signed = Signing { credentials: &credentials, region: &region, service, now }.headers(&signable);
        headers.remove(0);
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let sent = self.client.send(&Request {
            server: &server,
            method: "POST",
            target: &path,
            headers: &headers,
            body: call.body.as_bytes(),
            most: MAX_REPLY,
            time: TIME,
            is_repeatable: true,
        });
        sent.map_err(|error| Unavailable::new(format!("{service} does not answer: {error}")))
    }

    /// Where a service is: its regional endpoint, or what the environment says.
    fn server(&self, service: Service, region: &str) -> Result<(Server, String), Unavailable> {
        let Some((server, path)) = named_server(service, &self.vars)? else {
            let host = format!("{}.{region}.{}", service.name(), suffix_of(region));
            return Ok((Server::https(host), "/".to_owned()));
        };
        Ok((server, format!("{}/", path.trim_end_matches('/'))))
    }
}

/// The server that the environment names in place of AWS's, and its path.
fn named_server(service: Service, vars: &impl Vars) -> Result<Option<(Server, String)>, Unavailable> {
    let variables = [service.variable(), "AWS_ENDPOINT_URL"];
    let Some((name, url)) = variables.iter().find_map(|name| Some((name, vars.get(name)?))) else {
        return Ok(None);
    };
    let (server, path) =
        Server::of_url(&url).map_err(|error| Unavailable::new(format!("{name}: {error}")))?;
    match server.is_tls || server.is_loopback() {
        true => Ok(Some((server, path.to_owned()))),
        false => Err(Unavailable::new(format!(
            "{name}: {url} is not encrypted, and the host gets secrets and sessions from there; use https (http is only for \
             a loopback address, such as http://127.0.0.1:5000)"
        ))),
    }
}

/// Checks the servers that the environment names in place of AWS's, as far as the credentials of the file need them.
///
/// # Errors
/// If one of them cannot be used.
pub fn check_endpoints(manifest: &Manifest, vars: &impl Vars) -> Result<(), Unavailable> {
    for credential in manifest.credentials.all() {
        if let Authentication::Aws(AwsSigning { role: Some(_), .. }) = &credential.authentication {
            named_server(Service::Sts, vars)?;
        }
        for secret in credential.secrets() {
            let service = match secret.from {
                SecretSource::Parameter(_) => Service::Ssm,
                SecretSource::SecretsManager { .. } => Service::SecretsManager,
                SecretSource::Environment(_) | SecretSource::File(_) => continue,
            };
            named_server(service, vars)?;
        }
    }
    Ok(())
}

/// Runs work that blocks on a thread that may wait.
///
/// # Errors
/// The error of the work, or if the process ends meanwhile.
pub(super) async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unavailable> + Send + 'static,
) -> Result<T, Unavailable> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(Unavailable::new("the process has no thread for the request")))
}
