//! What each example owes its reader.

use crate::tidy::sources::{Source, rust_files};

/// More does not fit on a few slides.
const LONGEST: usize = 99;

/// What a whole controller takes.
const LINES_OF_THE_CONTROLLER: usize = 80;

fn examples() -> Vec<Source> {
    rust_files("examples")
}

fn lines_of_code(file: &Source) -> usize {
    let code = file.code().filter(|(_, line)| !line.trim().is_empty());
    code.count()
}

#[test]
fn every_example_has_less_than_a_hundred_lines() {
    for file in examples() {
        let n_lines = file.text.lines().count();
        assert!(n_lines <= LONGEST, "{}: {n_lines} lines", file.path);
    }
}

#[test]
fn a_whole_controller_takes_eighty_lines_of_code() {
    let files = examples();
    let is_it = |file: &&Source| file.path == "examples/08_sample_controller.rs";
    let n_lines = lines_of_code(files.iter().find(is_it).unwrap());
    assert!(
        n_lines <= LINES_OF_THE_CONTROLLER,
        "{n_lines} lines of code"
    );
}

#[test]
fn every_example_says_what_to_read_next_and_how_to_run_it() {
    for file in examples() {
        let head: Vec<&str> = file
            .text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        let head = head.join("\n");
        let name = file.path.trim_start_matches("examples/");
        let name = name.trim_end_matches(".rs");
        for needed in [&format!("cargo run --example {name}"), "`src/"] {
            assert!(
                head.contains(needed),
                "{}: no `{needed}` in the head",
                file.path
            );
        }
        for path in named_files(&head) {
            crate::tidy::sources::read(path);
        }
    }
}

/// The files of `src` that a text names.
fn named_files(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').filter(|part| part.starts_with("src/"))
}

#[test]
fn no_example_knows_about_bitcoin() {
    for file in examples() {
        for (number, line) in file.code() {
            let line = line.replace("bitcoin_controller::", "").to_lowercase();
            assert!(!line.contains("bitcoin"), "{}:{number} {line}", file.path);
        }
    }
}

#[test]
fn every_file_that_the_readme_links_to_is_there_and_no_example_is_left_out() {
    let readme = crate::tidy::sources::read("README.md");
    let ends = readme.match_indices("](").map(|(index, _)| index + 2);
    let links = ends.map(|start| readme[start..].split(')').next().unwrap());
    let local: Vec<&str> = links.filter(|link| !link.contains(':')).collect();
    for link in &local {
        let is_there = crate::tidy::sources::root().join(link).exists();
        assert!(is_there, "README.md links to {link}");
    }
    for file in examples() {
        assert!(
            local.contains(&&*file.path),
            "README.md leaves out {}",
            file.path
        );
    }
}
