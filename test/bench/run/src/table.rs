//! The results as a table for people, and what was not won.

use std::fmt::Write;

use serde_json::Value;

use crate::contestant::{self, Contestant, Library, OURS};
use crate::measures::{self, Better, Measure, Target};
use crate::results::{Figures, Results};

/// Markdown.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    about(&mut text, results);
    measured(&mut text, results);
    let not_won: Vec<String> = measures::ALL
        .iter()
        .filter_map(|measure| not_won(measure, results))
        .collect();
    list(&mut text, "Not won:", &not_won);
    list(&mut text, "Left out:", &results.skipped);
    list(&mut text, "Failed:", &results.failed);
    text
}

fn about(text: &mut String, results: &Results) {
    let of = |path: &str| {
        let mut value = &Value::Object(results.about.clone());
        for field in path.split('.') {
            value = &value[field];
        }
        match value {
            Value::String(text) => text.clone(),
            Value::Null => "(not there)".to_owned(),
            other => other.to_string(),
        }
    };
    let clean = match results.about.get("clean") {
        Some(Value::Bool(true)) => "",
        _ => " with changes",
    };
    line(
        text,
        format_args!(
            "Measured on {} at commit {}{clean}: {} cores of {}, Linux {}; {}, kube {}, client-go {}, {}.",
            of("date"),
            of("commit"),
            of("machine.cores"),
            of("machine.cpu"),
            of("machine.kernel"),
            of("versions.rustc"),
            of("versions.kube"),
            of("versions.client-go"),
            of("versions.go"),
        ),
    );
    line(
        text,
        format_args!(
            "A figure is the median of {} runs (fewer where a run is long), with the range; the last column but two \
             is ours, typed, beside the best peer in either mode.\n",
            of("runs")
        ),
    );
}

fn measured(text: &mut String, results: &Results) {
    let columns = contestant::ALL.map(|it| it.to_string()).join(" | ");
    line(
        text,
        format_args!("| measure | unit | {columns} | ours / best peer | target | reached |"),
    );
    line(text, format_args!("|---|---|{}", "---:|".repeat(9)));
    for measure in measures::ALL {
        let figures = contestant::ALL.map(|it| results.of(measure.name, it));
        if figures.iter().all(|figures| figures.0.is_empty()) {
            continue;
        }
        let cells = figures.each_ref().map(cell).join(" | ");
        let ours = figures[0].median();
        let ratio = ours.and_then(|ours| Some(ours / best_peer(measure, results)?.1));
        let reached = is_reached(measure, results);
        line(
            text,
            format_args!(
                "| {} | {} | {cells} | {} | {} | {} |",
                measure.words,
                unit(measure),
                ratio.map(number).unwrap_or_default(),
                measure.target.map(target).unwrap_or_default(),
                match reached {
                    Some(true) => "yes",
                    Some(false) => "**no**",
                    None => "",
                },
            ),
        );
    }
    text.push('\n');
}

fn unit(measure: &Measure) -> String {
    match measure.better {
        Better::More => format!("{}, more is better", measure.unit),
        Better::Less | Better::Neither => measure.unit.to_owned(),
    }
}

fn cell(figures: &Figures) -> String {
    let (Some(median), Some((least, most))) = (figures.median(), figures.range()) else {
        return String::new();
    };
    match (number(least), number(most)) {
        (least, most) if least == most => number(median),
        (least, most) => format!("{} ({least}–{most})", number(median)),
    }
}

/// The best peer and its median.
fn best_peer(measure: &Measure, results: &Results) -> Option<(Contestant, f64)> {
    let peers = contestant::ALL.into_iter();
    let peers = peers.filter(|it| it.library != Library::Ours);
    let medians = peers.filter_map(|it| Some((it, results.of(measure.name, it).median()?)));
    let order = |one: &(Contestant, f64), other: &(Contestant, f64)| one.1.total_cmp(&other.1);
    match measure.better {
        Better::Less => medians.min_by(order),
        Better::More => medians.max_by(order),
        Better::Neither => None,
    }
}

/// A target of one exact figure is to be met by every run, another by the median.
fn is_reached(measure: &Measure, results: &Results) -> Option<bool> {
    let figures = results.of(measure.name, OURS);
    let (target, median) = (measure.target?, figures.median()?);
    Some(match target {
        Target::Exactly(_) => figures.0.iter().all(|figure| target.is_reached(*figure)),
        Target::AtMost(_) | Target::AtLeast(_) => target.is_reached(median),
    })
}

/// What keeps this measure from being won, if anything does.
fn not_won(measure: &Measure, results: &Results) -> Option<String> {
    let ours = results.of(measure.name, OURS).median()?;
    let mut reasons = Vec::new();
    if is_reached(measure, results) == Some(false) {
        let target = measure.target.map(target).unwrap_or_default();
        reasons.push(format!("{} misses the target of {target}", number(ours)));
    }
    if let Some((peer, best)) = best_peer(measure, results) {
        let is_behind = match measure.better {
            Better::Less => ours > best,
            Better::More => ours < best,
            Better::Neither => false,
        };
        if is_behind {
            let (best, ours) = (number(best), number(ours));
            reasons.push(format!("{peer} is ahead with {best} against {ours}"));
        }
    }
    let reasons = reasons.join("; ");
    (!reasons.is_empty()).then(|| format!("{} ({}): {reasons}", measure.words, measure.unit))
}

fn target(target: Target) -> String {
    match target {
        Target::AtMost(limit) => format!("≤ {}", number(limit)),
        Target::AtLeast(limit) => format!("≥ {}", number(limit)),
        Target::Exactly(wanted) => format!("= {}", number(wanted)),
    }
}

fn list(text: &mut String, head: &str, entries: &[String]) {
    if entries.is_empty() {
        return;
    }
    line(text, format_args!("{head}\n"));
    for entry in entries {
        line(text, format_args!("- {entry}"));
    }
    text.push('\n');
}

/// Three digits that say something, and commas between thousands.
pub fn number(value: f64) -> String {
    if value.abs() < 1_000.0 {
        let decimals = match value.abs() {
            _ if value.fract() == 0.0 => 0,
            it if it >= 100.0 => 0,
            it if it >= 10.0 => 1,
            it if it >= 1.0 => 2,
            _ => 3,
        };
        return format!("{value:.decimals$}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a String takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_large_ones_have_commas() {
        let shown = [0.0, 0.21, 1.05, 12.34, 350.0, 999.6, 41_234.5, 1e6].map(number);
        assert_eq!(
            shown,
            [
                "0",
                "0.210",
                "1.05",
                "12.3",
                "350",
                "1000",
                "41,234",
                "1,000,000"
            ]
        );
    }

    #[test]
    fn a_missed_target_and_a_better_peer_are_both_admitted() {
        let mut results = Results::default();
        for figure in [400.0, 380.0, 500.0] {
            results.add("sync_cpu", OURS, figure);
            results.add("sync_cpu", contestant::ALL[3], figure / 2.0);
            results.add("relist_told", OURS, figure);
        }
        let text = render(&results);
        assert!(
            text.contains("| 400 (380–500) |  |  | 200 (190–250) |"),
            "{text}"
        );
        assert!(text.contains("| 2 | ≤ 350 | **no** |"), "{text}");
        assert!(
            text.contains(
                "400 misses the target of ≤ 350; kube metadata is ahead with 200 against 400"
            ),
            "{text}"
        );
        assert!(text.contains("misses the target of = 100"), "{text}");
    }
}
