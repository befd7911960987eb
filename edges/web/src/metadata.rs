use std::collections::BTreeSet;

use doorward_claims::Algorithm;
use serde::Serialize;

use crate::public_document::PublicDocument;

/// What verifiers need to find our keys (OpenID Connect Discovery §3, RFC 8414 §2). Not yet an
/// OpenID provider: no endpoint is named that does not answer.
#[derive(Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    jwks_uri: String,
    response_types_supported: [&'a str; 0],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: Vec<&'a str>,
}

/// `algorithms`: those of all tokens that verify at the moment.
pub(crate) fn metadata(issuer: &str, algorithms: &BTreeSet<Algorithm>) -> PublicDocument {
    PublicDocument::json(&Metadata {
        issuer,
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        response_types_supported: [],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: algorithms.iter().map(|one| one.name()).collect(),
    })
}
