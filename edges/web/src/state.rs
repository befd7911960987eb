use std::sync::Arc;

use axum::http::HeaderValue;
use contracts::Mailbox;
use service::Service;

use crate::metadata::metadata;
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::public_document::PublicDocument;

/// What the edge needs to know of the settings.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Where the world reaches us, and the issuer of our tokens: no trailing slash.
    pub public_url: String,
    /// How many entries at the right of `X-Forwarded-For` our own proxies wrote.
    pub trusted_proxies: usize,
    /// Origins whose scripts may call the API.
    pub cors_origins: Vec<String>,
    /// What everything but `/.well-known` and health is mounted under; empty or `/v1`.
    pub base_path: String,
    /// What pages call the service.
    pub product_name: String,
}

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<App>);

#[doc(hidden)]
pub struct App {
    pub(crate) service: Arc<Service>,
    pub(crate) settings: WebSettings,
    /// Never changes while we run.
    pub(crate) metadata: PublicDocument,
    pub(crate) metrics: Metrics,
    /// Only in development.
    pub(crate) mailbox: Option<Arc<dyn Mailbox>>,
    pub(crate) pages: Pages,
}

impl AppState {
    /// Wraps a service for the web. The mailbox is there only in development.
    pub fn new(
        service: Arc<Service>,
        settings: WebSettings,
        mailbox: Option<Arc<dyn Mailbox>>,
    ) -> Self {
        let metadata = metadata(&settings.public_url, service.keys().algorithm());
        let pages = Pages::new(&settings);
        let metrics = Metrics::new();
        Self(Arc::new(App { service, settings, metadata, metrics, mailbox, pages }))
    }

    /// The origins as header values; what is not one was refused by the settings.
    pub(crate) fn cors_origins(&self) -> Vec<HeaderValue> {
        self.settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect()
    }
}

impl std::ops::Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}
