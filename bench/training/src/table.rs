//! From measurements to the tables.

use crate::configuration::{Configuration, Contender, Dropout};
use crate::job::Measurement;
use crate::machine::{Machine, QUIET};
use std::fmt::{self, Write};

/// A measurement, and how it came about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) configuration: Configuration,
    pub(crate) contender: Contender,
    pub(crate) dropout: Dropout,
    pub(crate) measurement: Measurement,
    /// Cores that others used meanwhile.
    pub(crate) others: f64,
}

/// What several measurements of the same come to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    rate: f64,
    least: f64,
    most: f64,
    runs: usize,
    memory: u64,
    disturbed: bool,
}

/// All measurements.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Those that came back.
    pub(crate) all: Vec<Sample>,
    /// What became of the others, in words.
    pub(crate) failures: Vec<String>,
}

impl Samples {
    /// Medians of the undisturbed measurements, or of all where every one was disturbed.
    fn row(&self, configuration: Configuration, who: Contender, how: Dropout) -> Option<Row> {
        let all: Vec<&Sample> = self
            .all
            .iter()
            .filter(|sample| {
                (sample.configuration, sample.contender, sample.dropout)
                    == (configuration, who, how)
            })
            .collect();
        let quiet: Vec<&Sample> = all.iter().copied().filter(|s| s.others < QUIET).collect();
        let disturbed = quiet.is_empty();
        let used = if disturbed { all } else { quiet };
        let rates: Vec<f64> = used.iter().map(|s| s.measurement.rate).collect();
        let memory = used.iter().map(|s| s.measurement.peak_memory as f64);
        Some(Row {
            rate: median(rates.clone())?,
            least: rates.iter().copied().fold(f64::INFINITY, f64::min),
            most: rates.iter().copied().fold(0.0, f64::max),
            runs: rates.len(),
            memory: median(memory.collect())? as u64,
            disturbed,
        })
    }

    fn configurations(&self) -> Vec<Configuration> {
        let mut configurations: Vec<Configuration> =
            self.all.iter().map(|sample| sample.configuration).collect();
        configurations.dedup();
        configurations
    }

    /// Both tables.
    pub(crate) fn markdown(&self, machine: &Machine, missing: Option<&str>) -> String {
        let mut text = String::new();
        self.write(&mut text, machine, missing)
            .expect("a string takes everything");
        text
    }

    fn write(&self, to: &mut String, machine: &Machine, missing: Option<&str>) -> fmt::Result {
        writeln!(
            to,
            "{}{}, {} cores, {} threads; candle {}, gemm {}, torch {}, {}, commit {}.\n",
            machine
                .card
                .as_ref()
                .map_or(String::new(), |card| format!("{card}; ")),
            machine.cpu,
            machine.cores,
            machine.threads,
            machine.candle,
            machine.gemm,
            machine.torch,
            machine.rustc,
            machine.commit
        )?;
        if let Some(missing) = missing {
            writeln!(to, "Torch was not measured: {missing}.\n")?;
        }
        self.write_speeds(to)?;
        self.write_ratios(to)?;
        let disturbed = self.all.iter().filter(|sample| sample.others >= QUIET);
        let most = self
            .all
            .iter()
            .map(|sample| sample.others)
            .fold(0.0, f64::max);
        writeln!(
            to,
            "\n{} of {} measurements were disturbed: others used {QUIET} cores or more, at most {most:.2}. \
             A median leaves them out unless all were; it is then marked with *, and so are its ratios.",
            disturbed.count(),
            self.all.len()
        )?;
        for failure in &self.failures {
            writeln!(to, "\nNot measured: {failure}.")?;
        }
        Ok(())
    }

    fn write_speeds(&self, to: &mut String) -> fmt::Result {
        writeln!(
            to,
            "Share of peak: 6 × (weights of the recurrent layers and of the output) × tokens/s, of the configuration's \
             fastest large product.\n\n\
             | configuration | who | dropout | tokens/s | least to most | runs | share of peak | peak memory, MB |\n\
             |---|---|---|--:|--:|--:|--:|--:|"
        )?;
        for configuration in self.configurations() {
            let title = configuration.title();
            let peak = self.row(configuration, Contender::Peak, Dropout::None);
            for who in Contender::ALL {
                for &how in who.dropouts() {
                    let Some(row) = self.row(configuration, who, how) else {
                        continue;
                    };
                    let mark = if row.disturbed { "*" } else { "" };
                    let memory = row.memory as f64 / 1e6;
                    let (name, runs) = (who.title(), row.runs);
                    if who == Contender::Peak {
                        let [rate, least, most] =
                            [row.rate, row.least, row.most].map(|flops| flops / 1e9);
                        writeln!(
                            to,
                            "| {title} | {name} | | {rate:.0} GFLOP/s{mark} | {least:.0} to {most:.0} | {runs} | | |"
                        )?;
                        continue;
                    }
                    let share = peak.map_or("".into(), |peak| {
                        let share = row.rate * configuration.size().flops_a_token() / peak.rate;
                        format!("{:.0}%", 100.0 * share)
                    });
                    let [rate, least, most] = [row.rate, row.least, row.most].map(grouped);
                    writeln!(
                        to,
                        "| {title} | {name} | {} | {rate}{mark} | {least} to {most} | {runs} | {share} | {memory:.0} |",
                        how.name()
                    )?;
                }
            }
        }
        Ok(())
    }

    fn write_ratios(&self, to: &mut String) -> fmt::Result {
        /// Whom ours is held against; the loop with the dropout of ours, the others without any.
        const OTHERS: [Contender; 3] = [
            Contender::CandleNn,
            Contender::TorchLstm,
            Contender::TorchLoop,
        ];
        writeln!(
            to,
            "\nTokens/s of ours divided by those of the others: candle-nn and nn.LSTM without dropout, the loop with the \
             same dropout as ours, and ours without.\n\n\
             | our dropout | configuration | ÷ candle-nn LSTM | ÷ torch nn.LSTM | ÷ torch loop | ÷ ours without |\n\
             |---|---|--:|--:|--:|--:|"
        )?;
        let configurations = self.configurations();
        for &how in Contender::Ours.dropouts() {
            let mut columns: [Vec<Ratio>; 4] = Default::default();
            for &configuration in &configurations {
                let row = |who, how| self.row(configuration, who, how);
                let Some(ours) = row(Contender::Ours, how) else {
                    continue;
                };
                let against = OTHERS.map(|who| match who {
                    Contender::TorchLoop => row(who, how),
                    who => row(who, Dropout::None),
                });
                let without = row(Contender::Ours, Dropout::None);
                let without = without.filter(|_| how != Dropout::None);
                let mut cells = String::new();
                for (column, other) in columns.iter_mut().zip(against.into_iter().chain([without]))
                {
                    let ratio = other.map(|other| Ratio::of(ours, other));
                    column.extend(ratio);
                    write!(cells, " {} |", cell(ratio))?;
                }
                writeln!(to, "| {} | {} |{cells}", how.name(), configuration.name())?;
            }
            let means = columns.map(|column| cell(Ratio::geometric_mean(&column)));
            let means = means.join(" | ");
            writeln!(to, "| {} | **geometric mean** | {means} |", how.name())?;
        }
        Ok(())
    }
}

/// How many times as fast.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ratio {
    times: f64,
    /// Whether one of the two could only be measured disturbed.
    disturbed: bool,
}

impl Ratio {
    fn of(ours: Row, other: Row) -> Self {
        Self {
            times: ours.rate / other.rate,
            disturbed: ours.disturbed || other.disturbed,
        }
    }

    /// `None` of nothing.
    fn geometric_mean(ratios: &[Self]) -> Option<Self> {
        let sum: f64 = ratios.iter().map(|ratio| ratio.times.ln()).sum();
        (!ratios.is_empty()).then(|| Self {
            times: (sum / ratios.len() as f64).exp(),
            disturbed: ratios.iter().any(|ratio| ratio.disturbed),
        })
    }
}

fn cell(ratio: Option<Ratio>) -> String {
    let Some(Ratio { times, disturbed }) = ratio else {
        return "–".into();
    };
    let mark = if disturbed { "*" } else { "" };
    format!("{times:.2}{mark}")
}

/// The middle, or the mean of the two middle ones; `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    match values.len() % 2 {
        1 => Some(upper),
        _ => Some((values[middle - 1] + upper) / 2.0),
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(contender: Contender, dropout: Dropout, rate: f64, others: f64) -> Sample {
        Sample {
            configuration: Configuration::H64,
            contender,
            dropout,
            measurement: Measurement {
                rate,
                steps: 9,
                seconds: 8.0,
                peak_memory: 123_000_000,
            },
            others,
        }
    }

    fn with(all: Vec<Sample>) -> Samples {
        Samples {
            all,
            ..Samples::default()
        }
    }

    #[test]
    fn a_median_leaves_out_what_was_disturbed_unless_all_was() {
        let ours = |rate, others| sample(Contender::Ours, Dropout::None, rate, others);
        let row = |samples| {
            let row = with(samples).row(Configuration::H64, Contender::Ours, Dropout::None);
            row.map(|row| (row.rate, row.runs, row.disturbed))
        };
        let some = row(vec![ours(4.0, 0.0), ours(1.0, 0.9), ours(2.0, 0.0)]);
        assert_eq!(some, Some((3.0, 2, false)));
        assert_eq!(row(vec![ours(4.0, 0.5)]), Some((4.0, 1, true)));
        assert_eq!(row(Vec::new()), None);
    }

    #[test]
    fn the_table_has_shares_ratios_and_means() {
        let flops = Configuration::H64.size().flops_a_token();
        let samples = with(vec![
            sample(Contender::Peak, Dropout::None, flops * 10_000.0, 0.0),
            sample(Contender::Ours, Dropout::None, 5_000.0, 0.0),
            sample(Contender::TorchLstm, Dropout::None, 2_000.0, 0.3),
        ]);
        let mut text = String::new();
        samples.write_speeds(&mut text).expect("writes");
        samples.write_ratios(&mut text).expect("writes");
        assert!(text.contains("| ours | none | 5,000 | 5,000 to 5,000 | 1 | 50% | 123 |"));
        assert!(text.contains("| torch nn.LSTM | none | 2,000* |"));
        assert!(text.contains("| none | h64 | – | 2.50* | – | – |"));
        assert!(text.contains("| none | **geometric mean** | – | 2.50* | – | – |"));
    }

    #[test]
    fn a_mean_of_ratios_is_disturbed_if_one_of_them_is() {
        let ratio = |times, disturbed| Ratio { times, disturbed };
        let mean = Ratio::geometric_mean(&[ratio(2.0, false), ratio(8.0, true)]);
        assert_eq!(mean, Some(ratio(4.0, true)));
        assert_eq!(Ratio::geometric_mean(&[]), None);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(999.4), "999");
    }
}
