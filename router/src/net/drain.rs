//! The end of a router in good order: everybody is told, and what is under way may finish.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// Held by every connection and every socket.
#[derive(Clone, Debug)]
pub struct Drain {
    told: watch::Receiver<bool>,
    _alive: mpsc::Sender<Infallible>,
}

impl Drain {
    /// Returns when the router is about to stop.
    pub async fn begun(&mut self) {
        // Without a router there is nothing to wait for either.
        let _ = self.told.wait_for(|told| *told).await;
    }

    pub fn has_begun(&self) -> bool {
        *self.told.borrow()
    }
}

/// Tells everybody.
#[derive(Debug)]
pub struct Drainer {
    tell: watch::Sender<bool>,
    alive: mpsc::Receiver<Infallible>,
}

/// A pair.
pub fn drain() -> (Drainer, Drain) {
    let (tell, told) = watch::channel(false);
    let (_alive, alive) = mpsc::channel(1);
    (Drainer { tell, alive }, Drain { told, _alive })
}

impl Drainer {
    /// Tells everybody, and waits until nobody is left: whether that was so in time.
    pub async fn run(mut self, within: Duration) -> bool {
        self.tell.send_replace(true);
        tokio::time::timeout(within, self.alive.recv()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_ends_when_the_last_one_has_gone() {
        let (drainer, drain) = drain();
        let mut mine = drain.clone();
        assert!(!drain.has_begun());
        drop(drain);
        let user = tokio::spawn(async move { mine.begun().await });
        assert!(drainer.run(Duration::from_secs(60)).await);
        user.await.unwrap();
    }

    #[tokio::test]
    async fn it_does_not_wait_for_ever() {
        let (drainer, drain) = drain();
        assert!(!drainer.run(Duration::from_millis(1)).await);
        assert!(drain.has_begun());
    }
}
