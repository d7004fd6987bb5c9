//! The four ways in which the provider writes an instant. Not responsible for where they stand.
use jiff::Timestamp;

/// How lists write the ends of terms: nobody has read the form of this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateStyle {
    /// `26.07.2026 21:05:09`.
    #[default]
    Dotted,
    /// `26.07.2026`.
    DottedDay,
    /// `2026-07-26 21:05:09`.
    Dashed,
    /// `2026-07-26T21:05:09+00:00`.
    Iso,
}

impl DateStyle {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Dotted, Self::DottedDay, Self::Dashed, Self::Iso];

    /// An instant in it.
    #[must_use]
    pub fn write(self, at: Timestamp) -> String {
        let form = match self {
            Self::Dotted => "%d.%m.%Y %H:%M:%S",
            Self::DottedDay => "%d.%m.%Y",
            Self::Dashed => "%Y-%m-%d %H:%M:%S",
            Self::Iso => "%Y-%m-%dT%H:%M:%S+00:00",
        };
        at.strftime(form).to_string()
    }
}
