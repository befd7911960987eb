use reqwest::header::{HeaderMap, HeaderName};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, which is text in everything that we send.
    pub body: String,
}

impl Answer {
    pub(crate) async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        let body = String::from_utf8(bytes.to_vec()).expect("we send text");
        Self { status, headers, body }
    }

    /// The header, if it is there once.
    pub fn header(&self, name: &str) -> Option<&str> {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        assert!(values.next().is_none(), "the header comes twice: {self:?}");
        Some(first.to_str().unwrap())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The body for a snapshot: every id replaced by the name of its kind, one member a line.
    pub fn folded(&self) -> String {
        crate::fold(&crate::mask_ids(&self.body))
    }

    /// The `code` of a problem document, whose form is checked on the way.
    #[track_caller]
    pub fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let document = self.json();
        let code = document["code"].as_str().unwrap().to_owned();
        assert_eq!(document["type"], format!("urn:doorward:problem:{code}"), "{self:?}");
        assert_eq!(document["status"], self.status, "{self:?}");
        assert_eq!(document["requestId"].as_str(), self.header("x-request-id"), "{self:?}");
        assert!(document["title"].is_string() && document["detail"].is_string(), "{self:?}");
        code
    }

    /// Fails unless the answer is that problem.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.problem().as_str()), (status, code), "{self:?}");
    }

    /// Fails unless the status is this.
    #[track_caller]
    pub fn assert_status(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
    }
}
