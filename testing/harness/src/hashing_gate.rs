use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

/// Keeps the hashing threads from their work until it is opened or dropped, so that a test sees
/// what waits for them.
pub struct HashingGate(#[expect(dead_code, reason = "its drop opens the gate")] Sender<()>);

impl HashingGate {
    /// A closed gate, and what the hashing threads run first.
    pub(crate) fn closed() -> (Self, Arc<dyn Fn() + Send + Sync>) {
        let (open, opened): (Sender<()>, Receiver<()>) = channel();
        let opened = Mutex::new(opened);
        // An error means that the gate was dropped: it is open.
        let wait = move || {
            let _ = opened.lock().unwrap().recv();
        };
        (Self(open), Arc::new(wait))
    }

    /// Lets them work.
    pub fn open(self) {}
}
