//! Which bitcoind a node pretends to be: the image's tag says it.
//!
//! # Example
//! ```
//! use bitcoin_controller::sim::bitcoind::release::Release;
//! let release = Release::of_image("docker.io/bitcoin/bitcoin:28.1");
//! assert_eq!(release.number, 280_100);
//! assert_eq!(release.subversion(&["a".into(), "b".into()]), "/Satoshi:28.1.0(a; b)/");
//! let release = Release::of_image("localhost/bitcoind");
//! assert_eq!(release.subversion(&["a".into()]), "/Satoshi:29.4.3(a)/Knots:20260508/");
//! ```

/// A version of Bitcoin Core, or the Knots everything was measured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// As in `getnetworkinfo`: 290403.
    pub number: u64,
    text: String,
    suffix: &'static str,
}

impl Release {
    /// What runs in containers of `image`: Core of that version if its tag is one, otherwise Knots.
    pub fn of_image(image: &str) -> Release {
        let name = image.rsplit('/').next().unwrap_or(image);
        let tag = name.split_once(':').map_or("", |(_, tag)| tag);
        let parts: Option<Vec<u64>> = tag
            .trim_start_matches('v')
            .split('.')
            .map(|part| part.parse().ok())
            .collect();
        match parts.as_deref() {
            Some([major, rest @ ..]) if *major >= FIRST_OF_TODAYS_NUMBERS && rest.len() <= 2 => {
                let part = |at: usize| rest.get(at).copied().unwrap_or(0);
                Release {
                    number: major * 10_000 + part(0) * 100 + part(1),
                    text: format!("{major}.{}.{}", part(0), part(1)),
                    suffix: "",
                }
            }
            _ => Release {
                number: 290_403,
                text: "29.4.3".to_owned(),
                suffix: "Knots:20260508/",
            },
        }
    }

    /// What such a node calls itself to its peers.
    pub fn subversion(&self, comments: &[String]) -> String {
        let comments = match comments {
            [] => String::new(),
            _ => format!("({})", comments.join("; ")),
        };
        format!("/Satoshi:{}{comments}/{}", self.text, self.suffix)
    }

    /// What the program calls itself.
    pub fn name(&self) -> &'static str {
        if self.suffix.is_empty() {
            "Bitcoin Core"
        } else {
            "Bitcoin Knots"
        }
    }

    /// Whether it answers `"jsonrpc":"2.0"` in kind, and gives `warnings` as a list: since 28.
    pub fn is_modern(&self) -> bool {
        self.number >= 280_000
    }
}

/// Core's versions are whole numbers since 22; a smaller one is some image's own count.
const FIRST_OF_TODAYS_NUMBERS: u64 = 22;
