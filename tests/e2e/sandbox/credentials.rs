//! Credentials that the host uses for a guest: what arrives at a server, and that no guest gets hold of them.

use bulkhead_tests::origin::Origin;
use bulkhead_tests::{Aws, Event, Kind, Moto, QueuedEvent, TaskRoot};
use serde_json::{Value, json};

use crate::stage::{Stage, assert_error};

const SECRET: &str = "sk_live_51Hunter2";
/// The key of the function's role, which is in the environment of the process.
const ROLE_KEY: &str = "wJalrXUtnFEMI";

/// A manifest of `handler`, with a credential for a server, and two tenants.
fn manifest(handler: &str, credential: &str, more: &str) -> String {
    format!(
        "{more}\n[credentials.cred]\n{credential}\n[handlers.{handler}]\n[handlers.{handler}.grants]\n\
         credentials = ['cred']\nallowed_private_networks = ['127.0.0.0/8']\n[tenants.acme]\n[tenants.beta]\n"
    )
}

fn stripe(handler: &str, url: &str) -> String {
    let credential = format!("hosts = ['{url}']\nheaders = {{ authorization = 'Bearer {{stripe}}' }}");
    manifest(handler, &credential, "[secrets.stripe]\nfrom = 'env:STRIPE_KEY'")
}

/// A credential with a session for each tenant.
fn session(handler: &str, url: &str) -> String {
    let role = "role = 'arn:aws:iam::123456789012:role/tenant'\nsession_tags = { tenant = '{tenant}' }";
    let place = "sign = 'aws'\nservice = 'dynamodb'\nregion = 'eu-central-1'";
    manifest(handler, &format!("hosts = ['{url}']\n{place}\n{role}"), "")
}

/// A function with a role, a secret in its environment, and AWS at this URL.
fn stage(manifest: &str, guest: &str, aws: &str) -> Stage {
    Stage::at(TaskRoot::new().manifest(manifest).with(guest), |bootstrap| {
        let role = [("AWS_ACCESS_KEY_ID", "AKIAROLE"), ("AWS_SECRET_ACCESS_KEY", ROLE_KEY)];
        let more = [("AWS_SESSION_TOKEN", "token-of-the-role"), ("AWS_REGION", "eu-central-1")];
        let others = [("STRIPE_KEY", SECRET), ("AWS_ENDPOINT_URL", aws)];
        let all = role.iter().chain(&more).chain(&others);
        all.fold(bootstrap, |bootstrap, (name, value)| bootstrap.env(name, value))
    })
}

fn call(url: &str, body: &str) -> String {
    let headers = json!({ "authorization": "Bearer guest", "content-type": "application/x-amz-json-1.0" });
    json!({ "method": "POST", "url": url, "headers": headers, "body": body }).to_string()
}

#[test]
fn a_secret_is_put_into_requests_of_every_tenant_and_only_its_name_is_on_receipts() {
    let origin = Origin::start();
    let url = format!("http://127.0.0.1:{}", origin.port());
    let stage = stage(&stripe("http", &url), "http", &url);
    for tenant in ["acme", "beta", "acme"] {
        let event =
            json!({ "url": format!("{url}/{tenant}"), "headers": { "Authorization": "Bearer guest" } });
        let answer = stage.api.send(Event::json(event.to_string()).tenant(tenant));
        assert_eq!(answer.json(), json!({ "status": 200, "body": format!("/{tenant}") }));
    }
    let requests = origin.requests();
    for request in &requests {
        let own = request.head.to_lowercase().matches("authorization: ").count();
        assert!(
            own == 1 && request.head.contains(&format!("authorization: Bearer {SECRET}\r\n")),
            "{}",
            request.head
        );
    }
    let connections: Vec<usize> = requests.iter().map(|request| request.connection).collect();
    assert_eq!(connections, [0, 1, 0], "connections are kept apart by tenant");
    assert_eq!(stage.receipts()[0]["credentials"], json!({ "cred": 1 }));
    assert!(!stage.running.logs().contains(SECRET), "{}", stage.running.logs());
}

#[test]
fn over_tls_and_on_no_other_host_scheme_or_port() {
    let (origin, other) = (Origin::tls(), Origin::start());
    let url = format!("https://localhost:{}", origin.port());
    let toml = stripe("http", &url).replace(
        "allowed_private_networks",
        &format!("allowed_outbound_hosts = ['http://127.0.0.1:{}']\nallowed_private_networks", other.port()),
    );
    let toml = format!("{toml}\n[outbound]\nextra_ca_certificates = ['ca.pem']");
    let authority = origin.authority.clone().expect("an authority");
    let root = TaskRoot::new().manifest(&toml).with("http").file("ca.pem", authority.as_bytes());
    let stage = Stage::at(root, |bootstrap| bootstrap.env("STRIPE_KEY", SECRET));
    let get = |url: &str| {
        let event = Event::json(json!({ "url": url }).to_string()).tenant("acme");
        stage.api.send(event).json()
    };
    assert_eq!(get(&format!("{url}/a"))["status"], 200);
    assert!(origin.requests()[0].head.contains(SECRET));
    // Whatever a server sends the guest to, the next request is judged by itself.
    assert_eq!(get(&format!("http://127.0.0.1:{}/moved", other.port()))["status"], 302);
    assert!(!other.requests()[0].head.contains("authorization"), "{}", other.requests()[0].head);
    for elsewhere in [format!("http://localhost:{}/", origin.port()), "https://localhost/".to_owned()] {
        assert!(get(&elsewhere)["error"].to_string().contains("HttpRequestDenied"), "{elsewhere}");
    }
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_guest_that_hunts_for_the_secret_finds_it_nowhere() {
    let aws = Aws::start();
    let url = aws.url();
    let event = json!({
        "methods": ["GET", "POST", "TRACE", "trace", "OPTIONS"],
        "urls": [format!("{url}/echo"), format!("{url}/echo?authorization=x"), format!("{url}/x"), "http://127.0.0.1:1/"],
        "headers": ["authorization: Bearer guest", "AUTHORIZATION: x", "accept-encoding: gzip", "x_authorization: x"],
    });
    let secret_of = [(stripe("hunt", &url), SECRET), (session("hunt", &url), "secret-of-acme")];
    for (toml, secret) in secret_of {
        let toml = format!("{toml}\n[handlers.hunt.limits]\noutbound_requests = 200\n");
        let stage = stage(&toml, "hunt", &url);
        let answer = stage.api.send(Event::json(event.to_string()).tenant("acme"));
        assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
        stage.api.wait_idle();
        let (seen, logs) = (answer.text().to_owned(), stage.running.logs());
        for secret in [secret, ROLE_KEY, "token-of-the-role"] {
            assert!(!seen.contains(secret) && !logs.contains(secret), "{secret}\n{seen}\n{logs}");
        }
        assert!(
            logs.contains("its method is TRACE, and servers answer that with the request itself"),
            "{logs}"
        );
    }
    let arrived = aws.heads().join("\n");
    assert!(arrived.contains(SECRET) && arrived.contains("KEYOFacme"), "the server has both: {arrived}");
    assert!(!arrived.contains("secret-of") && !arrived.contains(ROLE_KEY), "keys are never sent: {arrived}");
}

#[test]
fn a_response_that_shows_the_secret_is_cut_off_and_named_in_the_log() {
    let aws = Aws::start();
    let stage = stage(&stripe("call", &aws.url()), "call", &aws.url());
    let echo = call(&format!("{}/echo", aws.url()), "");
    let answer = stage.api.send(Event::json(&echo).tenant("acme"));
    assert_error(&answer, "Function.Call");
    assert!(!answer.text().contains(SECRET), "{}", answer.text());
    stage.running.wait_log("contains the secret stripe of the credential cred");
}

#[test]
fn each_tenant_is_signed_for_with_its_own_session_at_eight_at_once() {
    let aws = Aws::start();
    let manifest = format!("{}\n[handlers.call.limits]\nconcurrency = 8\n", session("call", &aws.url()));
    let root = TaskRoot::new().manifest(&manifest).with("call");
    let stage = Stage::on(bulkhead_tests::RuntimeApi::concurrent(8), root, |bootstrap| {
        bootstrap
            .env("AWS_LAMBDA_MAX_CONCURRENCY", "8")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ENDPOINT_URL", aws.url())
    });
    let tenant = |number: usize| ["acme", "beta"][number % 2];
    let queued: Vec<QueuedEvent> = (0..80)
        .map(|number| stage.api.queue(Event::json(call(&aws.url(), "{}")).tenant(tenant(number))))
        .collect();
    for (number, queued) in queued.into_iter().enumerate() {
        let answer = stage.api.answer(queued);
        assert_eq!(answer.kind, Kind::Response, "{}", answer.text());
        assert_eq!(answer.json()["body"], format!("KEYOF{}", tenant(number)));
    }
    assert_eq!(aws.sessions(), 2, "one for each tenant");
    assert!(aws.heads().iter().all(|head| !head.contains("Bearer guest")));
}

#[test]
fn without_sts_an_event_that_needs_it_fails_as_the_platform_s_and_others_go_on() {
    let aws = Aws::start();
    let stage = stage(&session("call", &aws.url()), "call", &aws.url());
    let send = |tenant: &str| stage.api.send(Event::json(call(&aws.url(), "{}")).tenant(tenant));
    assert_eq!(send("acme").json()["body"], "KEYOFacme");
    aws.lose_sts();
    let answer = send("beta");
    assert_error(&answer, "Runtime.CredentialUnavailable");
    let message = answer.json()["errorMessage"].to_string();
    assert!(
        message.contains("the credential cred could not be had") && !message.contains("arn:aws"),
        "{message}"
    );
    assert_eq!(send("acme").json()["body"], "KEYOFacme", "a session that is there is used");
    stage
        .running
        .wait_log("the credential cred cannot be had: a session of arn:aws:iam::123456789012:role/tenant");
    let receipts = stage.receipts();
    assert_eq!(receipts[1]["outcome"], "Runtime.CredentialUnavailable");
    assert_eq!(
        (&receipts[1]["credentials"], &receipts[2]["credentials"]),
        (&Value::Null, &json!({ "cred": 1 }))
    );
}

/// Makes a user who may assume a role that may use DynamoDB, and gives the user's key. From then on, moto checks all of it.
fn checked(moto: &Moto) -> [String; 2] {
    let iam = |action: &str, fields: &[(&str, &str)]| {
        let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let fields: String =
            fields.iter().map(|(name, value)| format!("&{name}={}", escaped(value))).collect();
        let body = format!("Action={action}&Version=2010-05-08{fields}");
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        moto.request("iam", "POST /", &[kind], body.as_bytes())
    };
    let allow = |action: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] })
            .to_string()
    };
    let user = ("UserName", "function");
    iam("CreateUser", &[user]);
    let may_assume = allow("sts:AssumeRole");
    iam("PutUserPolicy", &[user, ("PolicyName", "assume"), ("PolicyDocument", &may_assume)]);
    let role = ("RoleName", "tenant");
    iam("CreateRole", &[role, ("AssumeRolePolicyDocument", &may_assume)]);
    iam("PutRolePolicy", &[role, ("PolicyName", "notes"), ("PolicyDocument", &allow("dynamodb:*"))]);
    let made = iam("CreateAccessKey", &[user]);
    moto.request("moto", "POST /moto-api/reset-auth", &[], b"0");
    ["AccessKeyId", "SecretAccessKey"].map(|name| {
        let rest = made.split_once(&format!("<{name}>")).expect("a key").1;
        rest.split_once('<').expect("an end").0.to_owned()
    })
}

#[test]
fn dynamodb_is_used_with_a_session_of_sts_and_moto_checks_both() {
    let Some(moto) = Moto::start("a credential") else { return };
    let key = json!([{ "AttributeName": "id", "KeyType": "HASH" }]);
    let attributes = json!([{ "AttributeName": "id", "AttributeType": "S" }]);
    let table = json!({ "TableName": "notes", "KeySchema": key, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST" });
    moto.dynamodb("CreateTable", &table);
    let [id, key] = checked(&moto);
    let root = TaskRoot::new().manifest(&session("call", &moto.endpoint())).with("call");
    let stage = Stage::at(root, |bootstrap| {
        let all =
            [("AWS_ACCESS_KEY_ID", &*id), ("AWS_SECRET_ACCESS_KEY", &*key), ("AWS_REGION", "eu-central-1")];
        let bootstrap = bootstrap.env_remove("AWS_SESSION_TOKEN").env("AWS_ENDPOINT_URL", moto.endpoint());
        all.iter().fold(bootstrap, |bootstrap, (name, value)| bootstrap.env(name, value))
    });
    let ask = |operation: &str, body: &Value| {
        let headers = json!({
            "x-amz-target": format!("DynamoDB_20120810.{operation}"),
            "content-type": "application/x-amz-json-1.0",
        });
        let event =
            json!({ "method": "POST", "url": moto.endpoint(), "headers": headers, "body": body.to_string() });
        let answer = stage.api.send(Event::json(event.to_string()).tenant("acme"));
        assert_eq!(answer.kind, Kind::Response, "{}\n{}", answer.text(), stage.running.logs());
        answer.json()
    };
    let item = json!({ "id": { "S": "1" }, "text": { "S": "ahoy" } });
    let put = ask("PutItem", &json!({ "TableName": "notes", "Item": item }));
    assert_eq!(put["status"], 200, "{put}");
    let got = ask("GetItem", &json!({ "TableName": "notes", "Key": { "id": { "S": "1" } } }));
    let body: Value = serde_json::from_str(got["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body["Item"], item);
}

#[test]
fn secrets_of_ssm_and_secrets_manager_are_fetched_by_the_host() {
    let Some(moto) = Moto::start("secrets") else { return };
    let parameter = json!({ "Name": "/prod/stripe", "Value": SECRET, "Type": "SecureString" });
    moto.json("ssm", "AmazonSSM.PutParameter", &parameter);
    let secret = json!({ "Name": "prod/stripe", "SecretString": json!({ "key": SECRET }).to_string() });
    moto.json("secretsmanager", "secretsmanager.CreateSecret", &secret);
    for from in ["ssm:/prod/stripe", "secretsmanager:prod/stripe#key"] {
        let origin = Origin::start();
        let url = format!("http://127.0.0.1:{}", origin.port());
        let toml = stripe("http", &url).replace("env:STRIPE_KEY", from);
        let stage = stage(&toml, "http", &moto.endpoint());
        let event = json!({ "url": url }).to_string();
        for _ in 0..2 {
            let answer = stage.api.send(Event::json(&event).tenant("acme"));
            assert_eq!(answer.json()["status"], 200, "{from}: {}", stage.running.logs());
        }
        let heads: Vec<String> = origin.requests().into_iter().map(|request| request.head).collect();
        assert!(heads.iter().all(|head| head.contains(&format!("Bearer {SECRET}"))), "{from}: {heads:?}");
        assert!(!stage.running.logs().contains(SECRET));
    }
}

#[test]
fn a_file_of_secrets_is_used_on_the_machine_of_a_developer() {
    let origin = Origin::start();
    let url = format!("http://127.0.0.1:{}", origin.port());
    let toml = stripe("http", &url).replace("env:STRIPE_KEY", "ssm:/prod/stripe");
    let root = TaskRoot::new().manifest(&toml).with("http").file("secrets.toml", b"stripe = 'sk_test_local'");
    let file = root.path().join("secrets.toml");
    let stage = Stage::at(root, |bootstrap| bootstrap.env("BULKHEAD_SECRETS_FILE", &file));
    let answer = stage.api.send(Event::json(json!({ "url": url }).to_string()).tenant("acme"));
    assert_eq!(answer.json()["status"], 200, "{}", stage.running.logs());
    assert!(origin.requests()[0].head.contains("Bearer sk_test_local"));
}
