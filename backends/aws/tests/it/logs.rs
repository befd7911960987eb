//! Nothing of a secret reaches a log, at any level.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contracts::{KeyRingStore as _, SecretSource as _};
use servers::Fate;
use tracing_subscriber::fmt::MakeWriter;

use crate::fixtures::{HIDDEN, put, secret};
use crate::{ring, rotation, secrets};

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_secret_is_logged_even_at_the_most_talkative_level() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let place = secrets::Place::open();
    let reference = secrets::manager(&secret("s3cr3t").await);
    place.secrets.read_secret(&reference).await.unwrap();
    place.clock.advance(Duration::from_mins(6));
    place.proxy.next("GetSecretValue", Fate::Babble(r#"{"SecretString":"s3cr3t" s3cr3t"#));
    place.secrets.read_secret(&reference).await.unwrap();

    let place = ring::Place::open();
    let content = ring::content("s3cr3t 1");
    place.ring.replace_ring(None, &content, &[]).await.unwrap();
    let seen = place.find().await.version;
    place.ring.replace_ring(Some(&seen), &content, &[]).await.unwrap();
    put(&place.name, "s3cr3t 2").await;

    let place = rotation::Place::open().await;
    let token = place.start().await;
    place.steps(&rotation::STEPS, &token).await;

    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    // Ours and the SDK's.
    assert!(text.contains("a secret could not be read again"));
    assert!(text.contains("Secrets Manager.PutSecretValue"), "{text}");
    let shown: Vec<_> = text.lines().filter(|line| line.contains(HIDDEN)).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}
