use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::{Answer, TestServer};

/// The request id of every request that these helpers make.
pub const REQUEST_ID: &str = "req-1";

impl TestServer {
    /// A request to the public listener, to be completed and sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url).header("x-request-id", REQUEST_ID)
    }

    /// A request to the operations listener.
    pub fn operations_request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.operations_address);
        self.client.request(method, url).header("x-request-id", REQUEST_ID)
    }

    /// `GET` without credentials.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// `GET` as the bearer of that token.
    pub async fn get_as(&self, bearer: &str, path: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(bearer)).await
    }

    /// `POST` of JSON without credentials.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    /// `POST` of JSON as the bearer of that token.
    pub async fn post_json_as(&self, bearer: &str, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(bearer).json(&body)).await
    }

    /// `PATCH` of JSON as the bearer of that token.
    pub async fn patch_as(&self, bearer: &str, path: &str, body: Value) -> Answer {
        send(self.request(Method::PATCH, path).bearer_auth(bearer).json(&body)).await
    }

    /// `POST` without a body, as the bearer of that token.
    pub async fn post_as(&self, bearer: &str, path: &str) -> Answer {
        send(self.request(Method::POST, path).bearer_auth(bearer)).await
    }

    /// `DELETE` as the bearer of that token.
    pub async fn delete_as(&self, bearer: &str, path: &str) -> Answer {
        send(self.request(Method::DELETE, path).bearer_auth(bearer)).await
    }

    /// `GET` from the operations listener.
    pub async fn get_operations(&self, path: &str) -> Answer {
        send(self.operations_request(Method::GET, path)).await
    }

    /// Sends a request that was completed by hand.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        send(request).await
    }
}

async fn send(request: RequestBuilder) -> Answer {
    Answer::read(request.send().await.unwrap()).await
}
