//! `/metrics`: a small set of numbers for Prometheus. None per lease: a fleet would drown it.
//!
//! Floats appear here alone, because Prometheus has nothing else; nothing is computed with them. Labels hold names of the config and
//! words of closed lists, never an address, an order or a secret.
mod families;
mod format;
mod of_status;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::registry::Registry;

pub use families::{FAMILIES, Family, Kind};
pub use format::Format;

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// A whole one.
    Whole(i64),
    /// Money, as its decimal text has it.
    Decimal(f64),
    /// Requests by how long they took.
    Durations(Durations),
}

/// How long things took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// How many there were.
    pub count: u64,
    /// What they took in all, in milliseconds.
    pub total_ms: u64,
    /// How many took at most so many milliseconds.
    pub within: Vec<(u64, u64)>,
}

type Labels = Vec<(&'static str, String)>;

/// What is served. A family without a number is left out: what is not known is never shown as 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(BTreeMap<&'static str, Vec<(Labels, Number)>>);

impl Metrics {
    /// Adds a number to a family of the list; its labels in the list's order. One of a family that is not listed is not served.
    pub fn put(&mut self, name: &'static str, labels: &[&str], number: Number) {
        let Some(family) = families::find(name) else { return };
        let labels = family.labels.iter().copied().zip(labels.iter().map(|l| (*l).to_owned())).collect();
        self.0.entry(family.name).or_default().push((labels, number));
    }

    /// A whole number that may be unknown.
    pub fn put_whole(&mut self, name: &'static str, labels: &[&str], number: Option<i64>) {
        if let Some(number) = number {
            self.put(name, labels, Number::Whole(number));
        }
    }

    /// In that form.
    ///
    /// # Errors
    /// The encoder's; writing into a text does not fail.
    pub fn encode(self, format: Format) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::with_prefix("renewd");
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(format.of(&text))
    }
}

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for family in FAMILIES {
            let Some(numbers) = self.0.get(family.name) else { continue };
            let name = family.name.strip_suffix("_total").filter(|_| family.kind == Kind::Counter);
            let kind = family.kind.openmetrics();
            let mut metrics =
                encoder.encode_descriptor(name.unwrap_or(family.name), family.help, None, kind)?;
            for (labels, number) in numbers {
                // Empty braces are allowed, and nobody writes them.
                match labels.is_empty() {
                    true => one(&mut metrics, family.kind, number)?,
                    false => one(&mut metrics.encode_family(labels)?, family.kind, number)?,
                }
            }
        }
        Ok(())
    }
}

fn one(metric: &mut MetricEncoder<'_>, kind: Kind, number: &Number) -> Result<(), std::fmt::Error> {
    match (kind, number) {
        (Kind::Counter, Number::Whole(n)) => {
            metric.encode_counter::<NoLabelSet, _, u64>(&u64::try_from(*n).unwrap_or_default(), None)
        }
        (_, Number::Whole(n)) => metric.encode_gauge(n),
        (_, Number::Decimal(n)) => metric.encode_gauge(n),
        (_, Number::Durations(took)) => {
            let mut below = 0;
            // Each bucket as the encoder wants it: what is in no smaller one.
            let mut buckets: Vec<(f64, u64)> = Vec::new();
            for (bound, within) in &took.within {
                buckets.push((seconds(*bound), within.saturating_sub(below)));
                below = *within;
            }
            buckets.push((f64::INFINITY, took.count.saturating_sub(below)));
            metric.encode_histogram::<NoLabelSet>(seconds(took.total_ms), took.count, &buckets, None)
        }
    }
}

/// Read from its decimal text: exact where a float can be.
fn seconds(ms: u64) -> f64 {
    format!("{}.{:03}", ms / 1000, ms % 1000).parse().unwrap_or_default()
}
