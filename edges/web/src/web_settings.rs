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
