//! Variables for the SDKs of AWS in a guest, where the host signs its requests.
//!
//! An SDK takes region and keys from its environment, and sends nothing without them. The keys here are not keys: the
//! host replaces every signature that a guest makes with them.

use crate::policy::{Authentication, Grants};

/// In the place of the id of a key.
const ID: &str = "BULKHEADPLACEHOLDER1";
/// In the place of the key.
const KEY: &str = "BULKHEADPLACEHOLDER/the/host/signs/these";

/// Whether a guest with these grants has the variables.
pub(super) fn needed(grants: &Grants) -> bool {
    grants.credentials.iter().any(|credential| matches!(credential.authentication, Authentication::Aws(_)))
}

/// Adds the variables, if they are needed. Their names are reserved, so none is there.
pub(super) fn add(grants: &mut Grants) {
    if !needed(grants) {
        return;
    }
    let region = grants.credentials.iter().find_map(|credential| credential.region()).unwrap_or_default();
    // boto3 reads the second name.
    let variables = [
        ("AWS_REGION", region.as_str()),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_SECRET_ACCESS_KEY", KEY),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    grants.environment.extend(variables);
}
