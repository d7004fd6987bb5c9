//! `/static/…`: style, script and icon, part of the program. Their addresses name their content, so that a browser keeps them for as long
//! as they are the same and never a day longer. Not responsible for who may ask (`guard.rs`).
use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::failure;
use crate::hex::hex;

/// Name, kind and content.
const FILES: [(&str, &str, &str); 3] = [
    ("renewd.css", "text/css; charset=utf-8", include_str!("static/renewd.css")),
    ("refresh.js", "text/javascript; charset=utf-8", include_str!("static/refresh.js")),
    ("favicon.svg", "image/svg+xml", include_str!("static/favicon.svg")),
];

/// The icon that browsers ask for by themselves.
pub(super) const ICON: &str = "favicon.svg";

/// Names the content of all of them.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    FILES.iter().for_each(|(name, _, content)| hash.update(format!("{name}\n{content}\n")));
    hex(&hash.finalize()[..6])
});

/// Where a page finds it.
pub(super) fn address(name: &str) -> String {
    format!("/static/{name}?v={}", *MARK)
}

/// One of them.
pub(super) async fn serve(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    file(&name, query.as_deref().is_some_and(|query| query == format!("v={}", *MARK)))
}

/// The icon under its old name.
pub(super) async fn icon() -> Response {
    file(ICON, false)
}

fn file(name: &str, by_content: bool) -> Response {
    let Some((_, kind, content)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return failure(StatusCode::NOT_FOUND, "not_found", "there is nothing here: see `/`");
    };
    // Behind a token it is nobody else's to keep.
    let keep = if by_content { "private, max-age=31536000, immutable" } else { "private, max-age=300" };
    ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, keep)], *content).into_response()
}
