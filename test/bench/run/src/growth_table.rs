//! What a network costs when there are many, as a table: what `bench-growth` printed, a column for each size.
//!
//! A name such as `growth_100_settled_writes` is the line `growth settled writes` in the column 100; what compares
//! two sizes (`growth_ratio_1000_to_10_settled_writes`) is in the last column of the same line.

use crate::results::Growth;
use crate::table::{line, number};

/// The sizes in order, and the lines.
#[derive(Default)]
struct Table {
    columns: Vec<String>,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    unit: String,
    /// By column.
    cells: Vec<(String, String)>,
}

/// Adds the tables to `text`: one for each set of sizes.
pub fn render(text: &mut String, growth: &[Growth]) {
    let mut tables: Vec<(String, Table)> = Vec::new();
    for figure in growth {
        let (what, column, name) = place(&figure.name);
        let known = tables.iter().position(|(known, _)| *known == what);
        let place = known.unwrap_or_else(|| {
            tables.push((what.clone(), Table::default()));
            tables.len() - 1
        });
        tables[place].1.add(figure, column, name);
    }
    for (what, table) in &tables {
        table.render(text, what);
    }
}

/// Which table, which column, which line.
fn place(name: &str) -> (String, String, String) {
    let parts: Vec<&str> = name.split('_').collect();
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    match &parts[..] {
        [what, "ratio", _, "to", _, rest @ ..] => (
            (*what).to_owned(),
            "largest / smallest".to_owned(),
            rest.join(" "),
        ),
        _ => match parts.iter().position(|part| is_number(part)) {
            Some(at) => (
                parts[..at].join(" "),
                parts[at].to_owned(),
                parts[at + 1..].join(" "),
            ),
            None => ("other".to_owned(), "figure".to_owned(), parts.join(" ")),
        },
    }
}

impl Table {
    fn add(&mut self, figure: &Growth, column: String, name: String) {
        if !self.columns.contains(&column) {
            self.columns.push(column.clone());
        }
        let value = match figure.value.as_f64() {
            Some(value) => number(value),
            None => figure.value.to_string(),
        };
        let known = self.lines.iter().position(|line| line.name == name);
        let place = known.unwrap_or_else(|| {
            self.lines.push(Line {
                name,
                unit: figure.unit.clone(),
                cells: Vec::new(),
            });
            self.lines.len() - 1
        });
        self.lines[place].cells.push((column, value));
    }

    fn render(&self, text: &mut String, what: &str) {
        let columns = self.columns.join(" | ");
        line(text, format_args!("| {what} | unit | {columns} |"));
        line(
            text,
            format_args!("|---|---|{}", "---:|".repeat(self.columns.len())),
        );
        for Line { name, unit, cells } in &self.lines {
            let cell = |column: &String| {
                let found = cells.iter().find(|(known, _)| known == column);
                found.map_or(String::new(), |(_, value)| value.clone())
            };
            let cells: Vec<String> = self.columns.iter().map(cell).collect();
            line(
                text,
                format_args!("| {name} | {unit} | {} |", cells.join(" | ")),
            );
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_become_columns() {
        let figure = |name: &str, value: f64| Growth {
            name: name.to_owned(),
            value: value.into(),
            unit: "requests".to_owned(),
        };
        let growth = [
            figure("growth_10_settled_writes_per_network", 0.0),
            figure("growth_1000_settled_writes_per_network", 2.0),
            figure("growth_ratio_1000_to_10_settled_writes_per_network", 1.0),
            figure("alone_3_ready_ms", 12.5),
        ];
        let mut text = String::new();
        render(&mut text, &growth);
        assert!(
            text.contains("| growth | unit | 10 | 1000 | largest / smallest |"),
            "{text}"
        );
        assert!(
            text.contains("| settled writes per network | requests | 0 | 2 | 1 |"),
            "{text}"
        );
        assert!(text.contains("| alone | unit | 3 |"), "{text}");
        assert!(text.contains("| ready ms | requests | 12.5 |"), "{text}");
    }
}
