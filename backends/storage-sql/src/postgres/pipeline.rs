use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use futures_util::future::{MaybeDone, maybe_done};

/// Runs requests to the server as one round trip: all are sent, in their order, before any answer
/// is waited for. If this is dropped after it was polled once, all were sent.
pub(super) async fn pipelined<F: Future>(requests: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut requests: Vec<Pin<Box<MaybeDone<F>>>> =
        requests.into_iter().map(|request| Box::pin(maybe_done(request))).collect();
    poll_fn(|context| {
        let mut all = Poll::Ready(());
        for request in &mut requests {
            if request.as_mut().poll(context).is_pending() {
                all = Poll::Pending;
            }
        }
        all
    })
    .await;
    requests.iter_mut().filter_map(|request| request.as_mut().take_output()).collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn all_are_sent_in_order_before_any_is_answered() {
        let log = RefCell::new(Vec::new());
        let log = &log;
        let requests = (0..100).map(|number| async move {
            log.borrow_mut().push(number);
            tokio::task::yield_now().await;
            log.borrow_mut().push(100 + number);
            number
        });
        assert_eq!(pipelined(requests).await, (0..100).collect::<Vec<_>>());
        assert_eq!(*log.borrow(), (0..200).collect::<Vec<_>>());
    }
}
