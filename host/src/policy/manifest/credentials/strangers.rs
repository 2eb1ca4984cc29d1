//! Sessions for tenants that are not known. Each id has a session of its own, with the id in its tags, so only a source that
//! callers cannot write may make ids up.

use crate::policy::manifest::TenantSource;
use crate::policy::manifest::document::{Document, path};
use crate::policy::manifest::sections::{HandlerSection, Sections};
use crate::policy::{Authentication, AwsSigning, Credential, Role};

/// Records credentials with `{tenant}` of handlers that serve any id, if the ids are those that callers write.
pub(in crate::policy::manifest) fn check(document: &Document, sections: &Sections) {
    let is_trusted = match &sections.routing.tenant {
        TenantSource::Lambda => true,
        TenantSource::Pointer(pointer) => is_of_platform(&pointer.to_string()),
        TenantSource::Header(_) => false,
    };
    if is_trusted {
        return;
    }
    let has_tenants = !sections.tenants.is_empty() || sections.store.is_some();
    let serves_strangers = |handler: &&HandlerSection| match &sections.routing.unknown_tenant {
        Some(name) => name.value == handler.name,
        // Any of them may be the function's own.
        None => !has_tenants,
    };
    for handler in sections.handlers.iter().filter(serves_strangers) {
        for name in handler.grants.credentials.iter().flatten() {
            if sections.credentials.by_name.get(name.value.as_str()).is_some_and(|one| names_tenant(one)) {
                let text = format!(
                    "the role of {:?} is assumed for each {{tenant}}, and this handler serves every tenant that a caller \
                     makes up; leave it out here and grant it to tenants of [tenants], or take the tenant from where callers \
                     cannot write, such as {{ pointer = \"/requestContext/authorizer/jwt/claims/tenant\" }}",
                    name.value
                );
                document.mistake(
                    name.line,
                    format!("{}.grants.credentials", path("handlers", &handler.name)),
                    text,
                );
            }
        }
    }
}

/// Whether a pointer points to what AWS puts into an event: what an authorizer says, the bucket, the queue or the stream.
fn is_of_platform(pointer: &str) -> bool {
    let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
    matches!(
        tokens[..],
        ["requestContext", "authorizer", _, ..]
            | ["Records", _, "eventSourceARN"]
            | ["Records", _, "s3", "bucket", "name"]
    )
}

fn names_tenant(credential: &Credential) -> bool {
    match &credential.authentication {
        Authentication::Aws(AwsSigning { role, .. }) => role.as_ref().is_some_and(Role::names_tenant),
        Authentication::Secrets(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::manifest::Manifest;

    /// The mistakes of a handler with a session for each tenant, with this routing, and with more.
    fn mistakes(routing: &str, more: &str) -> Vec<String> {
        let text = format!(
            "[routing]\n{routing}\n[handlers.open]\ngrants.credentials = ['notes']\n[handlers.other]\n\
             [credentials.notes]\nhosts = ['https://sqs.eu-west-1.amazonaws.com']\nsign = 'aws'\n\
             role = 'arn:aws:iam::123456789012:role/tenant'\n{more}\n"
        );
        let mistakes = Manifest::parse(&text).err().unwrap_or_default();
        mistakes.iter().map(ToString::to_string).collect()
    }

    const TAGGED: &str = "session_tags = { tenant = '{tenant}' }\n";
    const TENANT: &str = "[tenants.acme]\nhandler = 'open'\n";

    #[test]
    fn callers_cannot_make_up_tenants_that_have_sessions() {
        let known = format!("{TAGGED}{TENANT}");
        for source in [
            "{ header = 'x-tenant' }",
            "{ pointer = '/body/tenant' }",
            "{ pointer = '/requestContext/http/path' }",
            "{ pointer = '/Records/*/body/tenant' }",
        ] {
            let routing = format!("tenant = {source}\nunknown_tenant = 'open'");
            let found = mistakes(&routing, &known);
            assert_eq!(found.len(), 1, "{source}: {found:?}");
            let expected = "5: handlers.open.grants.credentials: the role of \"notes\" is assumed for each {tenant}, and this \
                            handler serves every tenant that a caller makes up; leave it out here";
            assert!(found[0].starts_with(expected), "{}", found[0]);
            let rejecting = format!("tenant = {source}\n");
            assert_eq!(mistakes(&rejecting, &known), [""; 0], "only tenants that are known");
            assert_eq!(mistakes(&rejecting, TAGGED).len(), 1, "without tenants, all ids are unknown");
            let to_other = format!("tenant = {source}\nunknown_tenant = 'other'");
            assert_eq!(mistakes(&to_other, &known), [""; 0], "another handler serves them");
            assert_eq!(mistakes(&routing, TENANT), [""; 0], "one session for all");
        }
        let in_policy = format!("external_id = 'for-{{tenant}}'\n{TENANT}");
        assert_eq!(
            mistakes("tenant = { header = 'x-tenant' }\nunknown_tenant = 'open'", &in_policy).len(),
            1
        );
    }

    #[test]
    fn places_that_callers_do_not_write_are_trusted() {
        for source in [
            "'lambda'",
            "{ pointer = '/requestContext/authorizer/jwt/claims/tenant' }",
            "{ pointer = '/Records/*/s3/bucket/name' }",
            "{ pointer = '/Records/0/eventSourceARN' }",
        ] {
            let routing = format!("tenant = {source}\nunknown_tenant = 'open'");
            assert_eq!(mistakes(&routing, &format!("{TAGGED}{TENANT}")), [""; 0], "{source}");
        }
    }
}
