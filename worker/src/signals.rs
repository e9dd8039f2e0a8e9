//! Signals to a process that trains.

use breakmywork_training::exit;
use breakmywork_training::train::Requests;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::signal::unix::{SignalKind, signal};

/// Turns signals into requests: the first SIGTERM or SIGINT asks to stop, the second ends the process at once, SIGUSR1
/// asks for a checkpoint.
///
/// # Errors
/// If the system refuses a thread or a handler.
pub fn listen() -> io::Result<Arc<Requests>> {
    let requests = Arc::new(Requests::default());
    let heard = Arc::clone(&requests);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // Handlers are in place before this returns.
    let (mut terminate, mut interrupt, mut checkpoint) = {
        let _guard = runtime.enter();
        // Nobody waits for it: a file that would grow too large is an error where it is written, and no end.
        let _ = signal(SignalKind::from_raw(libc::SIGXFSZ))?;
        (
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::user_defined1())?,
        )
    };
    let wait = async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = checkpoint.recv() => {
                    heard.checkpoint.store(true, Ordering::Relaxed);
                    continue;
                }
            }
            if heard.stop.swap(true, Ordering::Relaxed) {
                std::process::exit(exit::PREEMPTED.into());
            }
        }
    };
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || runtime.block_on(wait))?;
    Ok(requests)
}
