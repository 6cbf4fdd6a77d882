//! A strict reader of Prometheus' text format: what Prometheus would let pass with a shrug is refused.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Labels = BTreeMap<String, String>;

/// A whole page, by the names of its families.
#[derive(Debug)]
pub(crate) struct Exposition(pub(crate) BTreeMap<String, Family>);

#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Labels,
    pub(crate) value: f64,
}

impl Exposition {
    /// The page in `text`, or what is wrong with it and where.
    pub(crate) fn read(text: &str) -> Result<Exposition, String> {
        if !text.ends_with('\n') {
            return Err("the last line does not end".to_owned());
        }
        let mut families: BTreeMap<String, Family> = BTreeMap::new();
        let mut current: Option<(String, Family)> = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let wrong = |what: &str| format!("{what}: {line}");
            if let Some(head) = line.strip_prefix("# HELP ") {
                let (name, help) = head.split_once(' ').ok_or_else(|| wrong("no help"))?;
                let kind = lines
                    .next()
                    .and_then(|next| next.strip_prefix(&format!("# TYPE {name} ")));
                let kind = kind.ok_or_else(|| wrong("no type after it"))?;
                finish(&mut families, current.take())?;
                let family = Family {
                    kind: kind.to_owned(),
                    help: unescape(help, false)?,
                    samples: Vec::new(),
                };
                current = Some((checked_name(name)?, family));
            } else {
                let sample = sample(line).map_err(|what| wrong(&what))?;
                let (name, family) = current.as_mut().ok_or_else(|| wrong("no family"))?;
                let suffixes: &[&str] = match family.kind.as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    "counter" | "gauge" => &[""],
                    _ => return Err(wrong("an unknown kind")),
                };
                let is_ours = |suffix: &&str| sample.name == format!("{name}{suffix}");
                if !suffixes.iter().any(is_ours) {
                    return Err(wrong("not of this family"));
                }
                family.samples.push(sample);
            }
        }
        finish(&mut families, current)?;
        Ok(Exposition(families))
    }

    /// The number of the one series called `name` whose labels include these; `None`: there is none.
    pub(crate) fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(key, value)| sample.labels.get(*key).map(String::as_str) == Some(value))
        };
        let all = self.0.values().flat_map(|family| &family.samples);
        let found: Vec<&Sample> = all.filter(has).collect();
        assert!(found.len() <= 1, "{name}{labels:?} is not one: {found:?}");
        found.first().map(|sample| sample.value)
    }
}

fn finish(
    families: &mut BTreeMap<String, Family>,
    family: Option<(String, Family)>,
) -> Result<(), String> {
    let Some((name, family)) = family else {
        return Ok(());
    };
    let series: BTreeSet<_> = family
        .samples
        .iter()
        .map(|sample| (&sample.name, &sample.labels))
        .collect();
    if series.len() != family.samples.len() {
        return Err(format!("{name}: a series is there twice"));
    }
    if family.help.is_empty() {
        return Err(format!("{name}: nobody knows what it means"));
    }
    let is_counter = family.kind == "counter";
    if is_counter != (name.ends_with("_total")) {
        return Err(format!(
            "{name}: a counter, and nothing else, ends with _total"
        ));
    }
    if is_counter
        && family
            .samples
            .iter()
            .any(|sample| sample.value.is_nan() || sample.value < 0.0)
    {
        return Err(format!("{name}: less than nothing was counted"));
    }
    if family.kind == "histogram" {
        check_histograms(&name, &family)?;
    }
    match families.insert(name.clone(), family) {
        Some(_) => Err(format!("{name}: the family is there twice")),
        None => Ok(()),
    }
}

/// Buckets ascend in bounds and counts; the last is `+Inf` and equals the count; there is a sum.
fn check_histograms(name: &str, family: &Family) -> Result<(), String> {
    let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    for sample in &family.samples {
        if sample.name.ends_with("_bucket") {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").ok_or(format!("{name}: no le"))?;
            let entry = buckets.entry(labels).or_default();
            entry.push((number(&bound)?, sample.value));
        }
    }
    for (labels, buckets) in &buckets {
        let of = |suffix: &str| {
            let mut all = family.samples.iter();
            all.find(|sample| sample.name == format!("{name}{suffix}") && sample.labels == *labels)
        };
        let is_ascending = buckets
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        let count = of("_count").map(|sample| (f64::INFINITY, sample.value));
        if !is_ascending || buckets.last().copied() != count || of("_sum").is_none() {
            return Err(format!("{name}{labels:?}: no histogram: {buckets:?}"));
        }
    }
    match buckets.len() * 2 == family.samples.len() - buckets.values().map(Vec::len).sum::<usize>()
    {
        true => Ok(()),
        false => Err(format!(
            "{name}: sums, counts and buckets do not belong together"
        )),
    }
}

fn sample(line: &str) -> Result<Sample, String> {
    let end = line.find(['{', ' ']).ok_or("no number")?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").ok_or("no label")?;
            let end = end_of_quote(after).ok_or("an open quote")?;
            let value = unescape(&after[..end], true)?;
            if labels.insert(checked_name(label)?, value).is_some() {
                return Err("a label is there twice".to_owned());
            }
            rest = &after[end + 1..];
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            rest = rest.strip_prefix(',').ok_or("no comma")?;
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the number")?;
    Ok(Sample {
        name: checked_name(name)?,
        labels,
        value: number(value)?,
    })
}

fn end_of_quote(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

fn number(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        "NaN" => Ok(f64::NAN),
        text if text.starts_with(|first: char| first.is_ascii_digit() || first == '-') => {
            text.parse().map_err(|_| format!("`{text}` is no number"))
        }
        text => Err(format!("`{text}` is no number")),
    }
}

fn checked_name(name: &str) -> Result<String, String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_good = name.starts_with(|first: char| first.is_ascii_lowercase());
    match is_good && name.chars().all(is_letter) {
        true => Ok(name.to_owned()),
        false => Err(format!("`{name}` is no name")),
    }
}

fn unescape(text: &str, in_quotes: bool) -> Result<String, String> {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('"') if in_quotes => '"',
                other => return Err(format!("`\\{other:?}` is no escape")),
            },
            letter => letter,
        });
    }
    Ok(plain)
}
