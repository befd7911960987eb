use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::http::HeaderValue;
use contracts::Mailbox;
use service::Service;

use crate::metrics::Metrics;
use crate::pages::render::Pages;
use crate::web_settings::WebSettings;

/// What handlers share. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<App>);

#[doc(hidden)]
pub struct App {
    pub(crate) service: Arc<Service>,
    pub(crate) settings: WebSettings,
    pub(crate) metrics: Metrics,
    /// Only in development.
    pub(crate) mailbox: Option<Arc<dyn Mailbox>>,
    pub(crate) pages: Pages,
    /// Whether the log has it that somebody forwards requests whom the settings do not know.
    pub(crate) has_told_of_proxies: AtomicBool,
}

impl AppState {
    /// Wraps a service for the web. The mailbox is there only in development.
    pub fn new(
        service: Arc<Service>,
        settings: WebSettings,
        mailbox: Option<Arc<dyn Mailbox>>,
    ) -> Self {
        let pages = Pages::new(&settings, service.policy().password.characters_min);
        let metrics = Metrics::new();
        let has_told_of_proxies = AtomicBool::new(false);
        Self(Arc::new(App { service, settings, metrics, mailbox, pages, has_told_of_proxies }))
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
