//! Mean ± standard deviation (n) of each arm, as it is pasted elsewhere.

use super::summary::Summary;
use crate::export::{csv, table::Cell};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The same numbers in four forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Columns with tabs between them.
    pub text: String,
    /// A table of Markdown.
    pub markdown: String,
    /// A table of LaTeX, with rules of the package booktabs.
    pub latex: String,
    /// A row for each arm and metric, with all digits.
    pub csv: String,
}

/// What each arm came to: its name, and values by metric.
pub type Arms<'a> = [(&'a str, BTreeMap<&'a str, Vec<f64>>)];

/// The numbers of these arms, the metric that decides first; nothing if there are none.
pub fn of(arms: &Arms<'_>, decides: &str) -> Option<Copied> {
    let mut metrics: Vec<&str> = arms
        .iter()
        .flat_map(|(_, values)| values.keys().copied())
        .collect();
    metrics.sort_unstable();
    metrics.dedup();
    metrics.sort_by_key(|name| (*name != decides, !name.starts_with("test")));
    if metrics.is_empty() {
        return None;
    }
    let mut copied = Copied {
        text: format!("arm\t{}\n", metrics.join("\t")),
        markdown: format!(
            "| arm | {} |\n|---|{}\n",
            metrics.join(" | "),
            "--:|".repeat(metrics.len())
        ),
        latex: format!(
            "\\begin{{tabular}}{{l{}}}\n\\toprule\narm & {} \\\\\n\\midrule\n",
            "r".repeat(metrics.len()),
            metrics
                .iter()
                .map(|name| latex(name))
                .collect::<Vec<_>>()
                .join(" & ")
        ),
        csv: String::new(),
    };
    let heads = ["arm", "metric", "mean", "sd", "n"];
    csv::row(&mut copied.csv, heads.map(Cell::from));
    for (arm, values) in arms {
        let summaries: Vec<Option<Summary>> = (metrics.iter())
            .map(|name| Summary::of(values.get(name).map_or(&[][..], Vec::as_slice)))
            .collect();
        let each = |form: fn(&Summary) -> String, between: &str| {
            let cells: Vec<String> = (summaries.iter())
                .map(|summary| summary.as_ref().map(form).unwrap_or_default())
                .collect();
            cells.join(between)
        };
        let _ = writeln!(copied.text, "{}\t{}", plain(arm), each(Summary::text, "\t"));
        let _ = writeln!(
            copied.markdown,
            "| {} | {} |",
            markdown(arm),
            each(Summary::text, " | ")
        );
        let _ = writeln!(
            copied.latex,
            "{} & {} \\\\",
            latex(arm),
            each(Summary::latex, " & ")
        );
        for (name, summary) in metrics.iter().zip(&summaries) {
            let Some(summary) = summary else { continue };
            let cells = [
                Cell::from(*arm),
                Cell::from(*name),
                Cell::from(summary.mean),
                Cell::from(summary.sd),
                Cell::from(summary.n as i64),
            ];
            csv::row(&mut copied.csv, cells);
        }
    }
    copied.latex.push_str("\\bottomrule\n\\end{tabular}\n");
    Some(copied)
}

/// In one cell of a line.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

/// With what Markdown would read as more than text escaped.
fn markdown(text: &str) -> String {
    let mut out = String::new();
    for letter in plain(text).chars() {
        if letter.is_ascii_punctuation() && !",.;:'-".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// With what LaTeX would read as a command escaped.
fn latex(text: &str) -> String {
    let mut out = String::new();
    for letter in plain(text).chars() {
        match letter {
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_whole_and_escaped() {
        let values = BTreeMap::from([("valid_mse", vec![1.0]), ("test_mse", vec![0.1, 0.2, 0.3])]);
        let arms = [("=a_1 | \\input{x}", values), ("b", BTreeMap::new())];
        let copied = of(&arms, "test_mse").expect("numbers");
        assert_eq!(
            copied.text,
            "arm\ttest_mse\tvalid_mse\n=a_1 | \\input{x}\t0.20 ± 0.10 (3)\t1.00 (1)\nb\t\t\n"
        );
        assert_eq!(
            copied.markdown,
            "| arm | test_mse | valid_mse |\n|---|--:|--:|\n\
             | \\=a\\_1 \\| \\\\input\\{x\\} | 0.20 ± 0.10 (3) | 1.00 (1) |\n| b |  |  |\n"
        );
        assert_eq!(
            copied.latex,
            "\\begin{tabular}{lrr}\n\\toprule\narm & test\\_mse & valid\\_mse \\\\\n\\midrule\n\
             =a\\_1 | \\textbackslash{}input\\{x\\} & $0.20 \\pm 0.10$ (3) & $1.00$ (1) \\\\\n\
             b &  &  \\\\\n\\bottomrule\n\\end{tabular}\n"
        );
        assert!(
            copied
                .csv
                .starts_with("arm,metric,mean,sd,n\r\n\"'=a_1 | \\input{x}\",test_mse,0.2"),
            "{}",
            copied.csv
        );
        assert_eq!(of(&[("a", BTreeMap::new())], "x"), None);
    }
}
