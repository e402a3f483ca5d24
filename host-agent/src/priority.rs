//! Threads that a picture or a key waits for run before others of the machine, where that is allowed: as root, or under a
//! service manager that grants it (`LimitNICE=`). Elsewhere they run as all do.

/// As sound servers take it by way of RealtimeKit: above whatever computes, below what the system itself needs.
const NICE: i32 = -11;

/// The calling thread, and what it starts from now on, runs first.
pub fn raise() {
    // Linux has a nice value for each thread (setpriority(2), "C library/kernel differences").
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "Threads run with the usual priority");
    }
}

/// The calling thread, and what it starts from now on, runs as all do: people's own programs.
pub fn usual() {
    let raised = rustix::process::getpriority_process(None).is_ok_and(|nice| nice == NICE);
    if raised && let Err(error) = rustix::process::setpriority_process(None, 0) {
        tracing::warn!(%error, "A desktop's programs run before others");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_thread_that_asks_is_raised_and_what_it_starts_can_go_back() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let (raised, child, back) = std::thread::spawn(move || {
            raise();
            let raised = nice();
            let child = std::thread::spawn(move || {
                let child = nice();
                usual();
                (child, nice())
            });
            let (child, back) = child.join().unwrap();
            (raised, child, back)
        })
        .join()
        .unwrap();
        assert_eq!((nice(), child), (before, raised));
        assert!(raised == before || (raised, back) == (NICE, 0));
    }
}
