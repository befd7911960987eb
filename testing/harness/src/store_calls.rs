//! What a test sees of the calls of a store, and how it meddles with them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use contracts::StoreError;
use domain::UserId;
use tokio::sync::oneshot;

/// Records calls by the names of the contracts' methods, and fails or holds up those that it is
/// told to.
#[derive(Default)]
pub(crate) struct Calls(Mutex<State>);

#[derive(Default)]
struct State {
    made: Vec<&'static str>,
    is_down: bool,
    failing: HashSet<&'static str>,
    pauses: Vec<Pause>,
    disabled: HashSet<UserId>,
}

struct Pause {
    call: &'static str,
    reached: oneshot::Sender<()>,
    resumed: oneshot::Receiver<()>,
}

/// A call that is held up: the next one of its name, before it does anything.
pub struct Paused {
    reached: Option<oneshot::Receiver<()>>,
    resume: oneshot::Sender<()>,
}

impl Paused {
    /// Waits until somebody makes the call.
    pub async fn reached(&mut self) {
        if let Some(reached) = self.reached.take() {
            reached.await.unwrap();
        }
    }

    /// Lets it go on.
    pub fn resume(self) {
        // An error means that its caller has gone, which is its own affair.
        let _ = self.resume.send(());
    }
}

impl Calls {
    /// Each call goes through here first.
    pub(crate) async fn enter(&self, call: &'static str) -> Result<(), StoreError> {
        let pause = {
            let mut state = self.state();
            state.made.push(call);
            let found = state.pauses.iter().position(|pause| pause.call == call);
            found.map(|index| state.pauses.remove(index))
        };
        if let Some(Pause { reached, resumed, .. }) = pause {
            // Errors mean that the test has gone on without looking.
            let _ = reached.send(());
            let _ = resumed.await;
        }
        let state = self.state();
        if state.is_down || state.failing.contains(call) {
            return Err(StoreError::Unavailable("the test broke it".into()));
        }
        drop(state);
        Ok(())
    }

    pub(crate) fn take_made(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().made)
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    pub(crate) fn fail(&self, call: &'static str) {
        self.state().failing.insert(call);
    }

    pub(crate) fn pause(&self, call: &'static str) -> Paused {
        let (tell_reached, reached) = oneshot::channel();
        let (resume, resumed) = oneshot::channel();
        self.state().pauses.push(Pause { call, reached: tell_reached, resumed });
        Paused { reached: Some(reached), resume }
    }

    pub(crate) fn disable(&self, user: &UserId) {
        self.state().disabled.insert(user.clone());
    }

    pub(crate) fn is_disabled(&self, user: &UserId) -> bool {
        self.state().disabled.contains(user)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
