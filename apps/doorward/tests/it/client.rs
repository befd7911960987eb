//! An HTTP client that signs people up and in.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::discretion;

pub(crate) const JWKS: &str = "/.well-known/jwks.json";
/// Another one than the server's greeting shows, so that nobody may say it.
pub(crate) const PASSWORD: &str = "proper stable capacitor";

const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml");

/// Talks to one server.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
}

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// Null where there is none.
    pub(crate) body: Value,
}

/// What a sign-in or a refresh yields.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        // The machine's proxies know nothing of our ports.
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, url: url.to_owned() }
    }

    pub(crate) fn with_user_agent(url: &str, user_agent: &str) -> Self {
        let http = reqwest::Client::builder().no_proxy().user_agent(user_agent).build().unwrap();
        Self { http, url: url.to_owned() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None, None).await.unwrap()
    }

    pub(crate) async fn get_as(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::GET, path, Some(token), None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    pub(crate) async fn post_as(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(token), Some(body)).await.unwrap()
    }

    pub(crate) async fn patch_as(&self, path: &str, token: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(token), Some(body)).await.unwrap()
    }

    pub(crate) async fn delete_as(&self, path: &str, token: &str) -> Answer {
        self.ask(Method::DELETE, path, Some(token), None).await.unwrap()
    }

    /// Asks as an image in a page does that cannot show anything else.
    pub(crate) async fn post_for_svg(&self, path: &str, token: &str) -> String {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(token);
        let answer = request.header(ACCEPT, SVG).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), &answer.headers()[CONTENT_TYPE]), (200, &SVG));
        answer.text().await.unwrap()
    }

    /// Asks as a page does that was led here by a name of its own.
    pub(crate) async fn get_by_name(&self, path: &str, host: &str) -> Answer {
        let request = self.http.get(format!("{}{path}", self.url)).header(HOST, host);
        Answer::of(request.send().await.unwrap()).await.unwrap()
    }

    /// For servers that may die meanwhile.
    pub(crate) async fn try_post(&self, path: &str, body: Value) -> reqwest::Result<Answer> {
        self.ask(Method::POST, path, None, Some(body)).await
    }

    /// For servers that may be gone.
    pub(crate) async fn try_get_as(&self, path: &str, token: &str) -> reqwest::Result<Answer> {
        self.ask(Method::GET, path, Some(token), None).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = token {
            discretion::remember_token(token);
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            discretion::remember_members_of(&body);
            request = request.json(&body);
        }
        Answer::of(request.send().await?).await
    }

    /// Signs up `email`, with [`PASSWORD`].
    pub(crate) async fn register(&self, email: &str) {
        self.post("/auth/register", json!({ "email": email, "password": PASSWORD })).await.is(201);
    }

    /// Signs in `email`, with [`PASSWORD`].
    pub(crate) async fn log_in(&self, email: &str) -> Tokens {
        self.try_log_in(email).await.tokens()
    }

    pub(crate) async fn try_log_in(&self, email: &str) -> Answer {
        self.try_log_in_with(email, PASSWORD).await
    }

    pub(crate) async fn try_log_in_with(&self, email: &str, password: &str) -> Answer {
        self.post("/auth/login", json!({ "email": email, "password": password })).await
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Answer {
        self.post("/auth/refresh", json!({ "refreshToken": refresh_token })).await
    }

    /// The status that the server itself gives a bearer of `access_token`.
    pub(crate) async fn status_of(&self, access_token: &str) -> u16 {
        self.get_as("/auth/me", access_token).await.status
    }

    /// The names and algorithms of the published keys.
    pub(crate) async fn published_keys(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let keys = self.get(JWKS).await.is(200);
        let keys = keys.body["keys"].as_array().unwrap();
        keys.iter().map(|key| (text(&key["kid"]), text(&key["alg"]))).collect()
    }
}

impl Answer {
    async fn of(response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        discretion::remember_members_of(&body);
        Ok(Self { status, headers, body })
    }

    /// The answer, which has that status.
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The stable name of a problem.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_else(|| panic!("no problem: {self:?}"))
    }

    pub(crate) fn tokens(self) -> Tokens {
        let text = |name: &str| self.body[name].as_str().map(str::to_owned);
        match (self.status, text("accessToken"), text("refreshToken")) {
            (200, Some(access), Some(refresh)) => Tokens { access, refresh },
            _ => panic!("no tokens: {self:?}"),
        }
    }
}
