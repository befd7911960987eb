//! One-time codes as bodies and forms carry them.

use domain::{ChallengeId, ShortCode};
use schemars::Schema;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use service::{PresentedCode, read_code_token};

use crate::code::Code;
use crate::mistakes::Mistakes;
use crate::problem::Problem;

/// What a body says of a code: the token of a link, or what was typed and for which challenge.
pub(crate) struct CodeFields<'a> {
    pub(crate) token: Option<&'a SecretString>,
    pub(crate) challenge: Option<&'a str>,
    pub(crate) code: Option<&'a SecretString>,
}

impl CodeFields<'_> {
    /// The code, if exactly one of its two forms is there; else a mistake is noted.
    ///
    /// # Errors
    ///
    /// A token or a challenge that we never wrote is as unusable as one that has expired.
    pub(crate) fn parse(&self, mistakes: &mut Mistakes) -> Result<Option<PresentedCode>, Problem> {
        let unusable = || Problem::new(Code::UnusableToken);
        match (self.token, self.challenge, self.code) {
            (Some(token), None, None) => {
                let token = read_code_token(token.expose_secret()).ok_or_else(unusable)?;
                Ok(Some(PresentedCode::Token(token)))
            }
            (None, Some(challenge), Some(code)) => {
                let code = mistakes.take("code", ShortCode::parse(code.expose_secret()));
                let challenge = ChallengeId::parse(challenge).map_err(|_| unusable())?;
                Ok(code.map(|code| PresentedCode::Typed { challenge, code }))
            }
            _ => {
                let message = "give token, or challengeId and code".to_owned();
                mistakes.note("token", "invalid", message);
                Ok(None)
            }
        }
    }
}

/// Says in the contract what the types cannot: a token, or a challenge and a code.
pub(crate) fn asks_for_one_form(schema: &mut Schema, required: &[&str]) {
    schema.insert("required".to_owned(), json!(required));
    let forms = json!([{ "required": ["token"] }, { "required": ["challengeId", "code"] }]);
    schema.insert("oneOf".to_owned(), forms);
    // Else a token beside half of the other form would seem to be right.
    let halves = json!({ "challengeId": ["code"], "code": ["challengeId"] });
    schema.insert("dependentRequired".to_owned(), halves);
}
