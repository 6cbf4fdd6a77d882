//! Who takes part: three libraries, each in two modes.

use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Ours,
    Kube,
    ClientGo,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Typed,
    Metadata,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contestant {
    pub library: Library,
    pub mode: Mode,
}

/// In the order of the table's columns.
pub const ALL: [Contestant; 6] = [
    Contestant::new(Library::Ours, Mode::Typed),
    Contestant::new(Library::Ours, Mode::Metadata),
    Contestant::new(Library::Kube, Mode::Typed),
    Contestant::new(Library::Kube, Mode::Metadata),
    Contestant::new(Library::ClientGo, Mode::Typed),
    Contestant::new(Library::ClientGo, Mode::Metadata),
];

/// The column for what belongs to a library as such.
pub const OURS: Contestant = ALL[0];

impl Contestant {
    const fn new(library: Library, mode: Mode) -> Self {
        Contestant { library, mode }
    }

    /// Whether it is the whole object, not only its metadata.
    pub fn is_typed(&self) -> bool {
        self.mode == Mode::Typed
    }

    /// The value of the flag `--mode`, and of the query for the truth.
    pub fn mode_name(&self) -> &'static str {
        match self.mode {
            Mode::Typed => "typed",
            Mode::Metadata => "metadata",
        }
    }

    /// Its name in the results.
    pub fn name(&self) -> String {
        format!("{} {}", self.library, self.mode_name())
    }
}

impl Library {
    /// Its program.
    pub fn program(self, folder: &Path) -> PathBuf {
        folder.join(match self {
            Library::Ours => "bench-ours",
            Library::Kube => "bench-kube",
            Library::ClientGo => "bench-client-go",
        })
    }

    /// What its documentation advises to those who do not read `managedFields`: not to keep them. Ours never does.
    pub fn recommended_flags(self) -> &'static [&'static str] {
        match self {
            Library::Ours => &[],
            Library::Kube | Library::ClientGo => &["--prune"],
        }
    }

    /// The program that can say how many bytes are live.
    pub fn counting_program(self, folder: &Path) -> PathBuf {
        match self {
            Library::Ours => folder.join("bench-ours-count"),
            Library::Kube => folder.join("bench-kube-count"),
            // Go's runtime counts anyway.
            Library::ClientGo => self.program(folder),
        }
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Library::Ours => "ours",
            Library::Kube => "kube",
            Library::ClientGo => "client-go",
        })
    }
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
