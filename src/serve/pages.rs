//! Which path is what: a list of pages, and an answer for everything that is not one of them.
//!
//! # Invariants
//! - Only reading is answered: GET, and HEAD, which is GET without the body.
//! - A page is worked out when it is asked for. Nothing is kept between two requests.
//!
//! # Example
//! ```
//! use bitcoin_controller::serve::{Answer, Pages};
//! use hyper::Method;
//!
//! let pages = Pages::default().with("/hello", |query| Answer::text(200, format!("hello {query}")));
//! assert_eq!(pages.answer(&Method::GET, "/hello", "you").body, "hello you");
//! assert_eq!(pages.answer(&Method::GET, "/elsewhere", "").status, 404);
//! assert_eq!(pages.answer(&Method::POST, "/hello", "").status, 405);
//! ```

use std::fmt;

use hyper::Method;

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP code.
    pub status: u16,
    /// What the body is.
    pub content_type: &'static str,
    /// All of it.
    pub body: String,
}

impl Answer {
    /// Plain text.
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Answer {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.into(),
        }
    }

    /// JSON.
    pub fn json(body: String) -> Self {
        Answer {
            status: 200,
            content_type: "application/json",
            body,
        }
    }
}

/// Makes one page; it is given the query of the address, empty if there is none.
type MakePage = Box<dyn Fn(&str) -> Answer + Send + Sync>;

/// The pages there are.
#[derive(Default)]
pub struct Pages(Vec<(&'static str, MakePage)>);

impl Pages {
    /// With one more page, at `path`. It is made on the task of the connection and must be quick.
    #[must_use]
    pub fn with(
        mut self,
        path: &'static str,
        make: impl Fn(&str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        self.0.push((path, Box::new(make)));
        self
    }

    /// The answer to one request.
    pub fn answer(&self, method: &Method, path: &str, query: &str) -> Answer {
        if ![Method::GET, Method::HEAD].contains(method) {
            return Answer::text(405, "there is only something to read here\n");
        }
        match self.0.iter().find(|(known, _)| *known == path) {
            Some((_, make)) => make(query),
            None => Answer::text(404, format!("there is: {}\n", self.paths().join(" "))),
        }
    }

    fn paths(&self) -> Vec<&'static str> {
        self.0.iter().map(|(path, _)| *path).collect()
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pages").field(&self.paths()).finish()
    }
}
