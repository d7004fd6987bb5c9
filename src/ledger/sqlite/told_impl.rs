//! The ledger's port for what people are told, over SQLite: alerts and the outbox. Each call is one transaction: a crash leaves it whole or
//! not there.
use jiff::Timestamp;

use crate::domain::KeyPattern;
use crate::ledger::{
    AlertChange, AlertLog, LedgerError, MailRefusal, OpenAlert, Outbox, OutboxMail, PutAside, QueuedMail,
    Silence, Telling, WaitingMails,
};

use super::{SqliteLedger, alerts, cycles, outbox, silences};
impl AlertLog for SqliteLedger {
    fn open_alerts(&self) -> Result<Vec<OpenAlert>, LedgerError> {
        self.read(alerts::open)
    }

    fn ended_alerts(&self, since: Timestamp) -> Result<Vec<OpenAlert>, LedgerError> {
        self.read(|c| alerts::ended(c, since))
    }

    fn apply_alerts(
        &self,
        changes: &[AlertChange],
        mails: &[QueuedMail],
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        if changes.is_empty() && mails.is_empty() {
            return Ok(());
        }
        self.write(|tx| alerts::apply(tx, changes, mails, at))
    }

    fn tellings(&self, since: Timestamp) -> Result<Vec<Telling>, LedgerError> {
        self.read(|c| silences::tellings(c, since))
    }

    fn set_silence(&self, key: &KeyPattern, until: Timestamp, at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| silences::set(tx, key, until, at))
    }

    fn silences(&self, at: Timestamp) -> Result<Vec<Silence>, LedgerError> {
        self.read(|c| silences::silences(c, at))
    }
}

impl Outbox for SqliteLedger {
    fn outbox(&self, due: Option<Timestamp>) -> Result<Vec<OutboxMail>, LedgerError> {
        self.read(|c| outbox::waiting(c, due))
    }

    fn told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError> {
        self.read(|c| outbox::told_of(c, incident))
    }

    fn channels_told_of(&self, incident: &str) -> Result<Vec<String>, LedgerError> {
        self.read(|c| outbox::channels_told_of(c, incident))
    }

    fn mail_delivered(&self, id: Option<i64>, folded: &[i64], at: Timestamp) -> Result<(), LedgerError> {
        self.write(|tx| outbox::delivered(tx, id, folded, at))
    }

    fn mails_failed(
        &self,
        ids: &[i64],
        at: Timestamp,
        next_at: Timestamp,
        error: &str,
        aside: bool,
    ) -> Result<(), LedgerError> {
        self.write(|tx| outbox::failed(tx, ids, at, next_at, error, aside))
    }

    fn left_for(&self, ids: &[i64], to: &[String], refused: &[(String, String)]) -> Result<(), LedgerError> {
        self.write(|tx| outbox::left_for(tx, ids, to, refused))
    }

    fn aside_mails(&self) -> Result<Vec<PutAside>, LedgerError> {
        self.read(outbox::aside)
    }

    fn refusals(&self) -> Result<Vec<MailRefusal>, LedgerError> {
        self.read(outbox::refusals)
    }

    fn queue_report(
        &self,
        mails: &[QueuedMail],
        note: (&str, &str),
        at: Timestamp,
    ) -> Result<(), LedgerError> {
        self.write(|tx| {
            cycles::note(tx, note.0, note.1)?;
            mails.iter().try_for_each(|mail| outbox::queue(tx, mail, at))
        })
    }

    fn waiting_mails(&self) -> Result<WaitingMails, LedgerError> {
        self.read(alerts::waiting)
    }

    fn waiting_by_channel(&self) -> Result<Vec<(String, WaitingMails)>, LedgerError> {
        self.read(alerts::waiting_by_channel)
    }
}
