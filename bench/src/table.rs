use std::fs;
use std::path::Path;

use crate::Result;

/// A line of the table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) reference: String,
    pub(crate) ratio: Option<f64>,
    pub(crate) target: String,
    /// Whether the target is met; `None` where there is none.
    pub(crate) is_met: Option<bool>,
}

/// The table, and what stands above it.
pub(crate) struct Table {
    introduction: String,
    rows: Vec<Row>,
}

const HEADINGS: [&str; 6] = ["what", "measured", "reference, same run", "ratio", "target", "met"];
const BEGIN: &str = "<!-- table: begin -->";
const END: &str = "<!-- table: end -->";

impl Table {
    pub(crate) fn new(introduction: String) -> Self {
        Self { introduction, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Row) {
        eprintln!("  {}", cells(&row).join(" | "));
        self.rows.push(row);
    }

    /// A row that compares rates: the ratio has to reach the target.
    pub(crate) fn push_at_least(&mut self, row: Row, ratio: f64, least: f64) {
        let target =
            if row.target.is_empty() { format!("≥ {least:.2} ×") } else { row.target.clone() };
        self.push(Row { ratio: Some(ratio), target, is_met: Some(ratio >= least), ..row });
    }

    pub(crate) fn markdown(&self) -> String {
        let mut lines = vec![HEADINGS.map(str::to_owned).to_vec()];
        lines.extend(self.rows.iter().map(cells));
        let widths: Vec<usize> = (0..HEADINGS.len())
            .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0))
            .collect();
        let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        lines.insert(1, rules);
        let padded = lines.iter().map(|line| {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        });
        format!("{}\n\n{}", self.introduction, padded.collect::<String>())
    }

    /// Replaces what stands between the two markers of the file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = fs::read_to_string(path)?;
        let (before, rest) = text.split_once(BEGIN).ok_or("the file has no place for a table")?;
        let (_, after) = rest.split_once(END).ok_or("the place for the table has no end")?;
        Ok(fs::write(path, format!("{before}{BEGIN}\n{}{END}{after}", self.markdown()))?)
    }
}

fn cells(row: &Row) -> Vec<String> {
    let met = match row.is_met {
        Some(true) => "yes",
        Some(false) => "**no**",
        None => "",
    };
    vec![
        row.what.clone(),
        row.measured.clone(),
        row.reference.clone(),
        row.ratio.map(ratio_text).unwrap_or_default(),
        row.target.clone(),
        met.to_owned(),
    ]
}

fn ratio_text(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3} ×") } else { format!("{ratio:.2} ×") }
}
