//! What a handler must not reach with the role of the function: secrets, sessions of other roles, the store, and the keys of all
//! tenants. With a credential without `role`, requests are signed with the role that reads all of these for the host.

use super::Secrets;
use crate::policy::manifest::document::{Entry, Table};
use crate::policy::{Authentication, Credential, SecretSource, service_and_region};

/// What the role of the function is for, beside the requests of handlers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Duties {
    has_parameters: bool,
    has_secrets: bool,
    /// Whether the store is in a bucket.
    has_bucket: bool,
    /// Whether a key-value store is in a table.
    has_table: bool,
}

impl Duties {
    pub(super) fn of(root: &Table<'_>, secrets: &Secrets) -> Self {
        let any = |is: fn(&SecretSource) -> bool| secrets.values().any(|secret| is(&secret.from));
        let store = root.entry("store").filter(Entry::is_table).and_then(|entry| entry.table(""));
        let url = store.and_then(|store| store.entry("url"));
        let stores = root.entry("stores").filter(Entry::is_table).and_then(|entry| entry.table(""));
        let is_in_table = |store: Entry<'_>| {
            let kind = store.is_table().then(|| store.table("")?.entry("kind")).flatten();
            kind.is_some_and(|kind| kind.as_string() == Some("dynamodb"))
        };
        Self {
            has_parameters: any(|from| matches!(from, SecretSource::Parameter(_))),
            has_secrets: any(|from| matches!(from, SecretSource::SecretsManager { .. })),
            has_table: stores.iter().flat_map(Table::entries).any(is_in_table),
            has_bucket: url.and_then(|url| url.as_string()).is_some_and(|url| url.starts_with("s3://")),
        }
    }

    /// Records a credential with which a handler could do these itself.
    pub(super) fn check(self, entry: &Entry<'_>, credential: &Credential) {
        let Authentication::Aws(signing) = &credential.authentication else { return };
        if signing.role.is_some() {
            return;
        }
        let of_host = |name: &str| service_and_region(name).map(|(service, _)| service);
        let services = credential.hosts.iter().filter_map(|host| match &signing.service {
            Some(service) => Some(service.to_string()),
            None => host.name().and_then(of_host),
        });
        for service in services {
            let what = match service.as_str() {
                "sts" => "open sessions of any role that it may assume",
                "ssm" if self.has_parameters => "read the values of [secrets]",
                "secretsmanager" if self.has_secrets => "read the values of [secrets]",
                "s3" if self.has_bucket => "read the records of the store",
                "dynamodb" if self.has_table => "use the keys of all tenants in [stores]",
                _ => continue,
            };
            entry.mistake(format!(
                "the role of the function may {what}, and so could a handler with this credential; add `role` with \
                 another role"
            ));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::manifest::Manifest;

    fn mistakes(service: &str, more: &str) -> Vec<String> {
        let text = format!(
            "[credentials.a]\nhosts = ['https://{service}.eu-west-1.amazonaws.com']\nsign = 'aws'\n{more}\n[handlers.h]\n"
        );
        let mistakes = Manifest::parse(&text).err().unwrap_or_default();
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_role_of_the_function_is_not_for_handlers_where_it_guards_secrets() {
        let role = "role = 'arn:aws:iam::123456789012:role/tenant'\n";
        let store = "[store]\nname = 'a'\nurl = 's3://tenants'\n\
                     public_keys = ['ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=']\n";
        let parameter = "[secrets.x]\nfrom = 'ssm:x'\n";
        let secret = "[secrets.x]\nfrom = 'secretsmanager:x'\n";
        let table = "[stores]\na = { kind = 'memory' }\nb = { kind = 'dynamodb', table = 'tenant-cache' }\n";
        for (service, more, expected) in [
            ("dynamodb", table, "use the keys of all tenants in [stores]"),
            ("sts", "", "open sessions of any role that it may assume"),
            ("ssm", parameter, "read the values of [secrets]"),
            ("secretsmanager", secret, "read the values of [secrets]"),
            ("s3", store, "read the records of the store"),
            ("tenants.s3", store, "read the records of the store"),
        ] {
            let found = mistakes(service, more);
            assert_eq!(found.len(), 1, "{service}: {found:?}");
            assert!(found[0].starts_with("1: credentials.a: ") && found[0].contains(expected), "{found:?}");
            assert_eq!(mistakes(service, &format!("{role}{more}")), [""; 0], "{service}, with another role");
        }
        let memory = "[stores]\na = { kind = 'memory' }\n";
        for (service, more) in
            [("dynamodb", memory), ("ssm", secret), ("secretsmanager", parameter), ("s3", ""), ("sqs", store)]
        {
            assert_eq!(mistakes(service, more), [""; 0], "{service}");
        }
        let other = "[credentials.b]\nhosts = ['https://vpce-1.example.com']\nsign = 'aws'\nservice = 'sts'\nregion = 'eu-west-1'";
        assert!(
            mistakes("sqs", other)[0].contains("credentials.b: the role of the function may open sessions")
        );
    }
}
