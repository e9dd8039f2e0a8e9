//! Static files: in the binary, under addresses that change with their contents.

use axum::Router;
use memory_serve::{CacheControl, Manifest, MemoryServe};
use std::sync::LazyLock;

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| files().manifest());

fn files() -> MemoryServe {
    memory_serve::load!()
        .index_file(None)
        .cache_control(CacheControl::NoCache)
        .enable_hashed_routes(true)
}

/// Serves every file of `static/`, by plain and by hashed name.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    files().into_router()
}

/// Address of a file of `static/`, hash included, so that browsers may keep it for ever.
pub fn url(file: &str) -> String {
    let plain = format!("/{file}");
    let hashed = MANIFEST.get(&plain).unwrap_or(&plain);
    format!("/static{hashed}")
}
