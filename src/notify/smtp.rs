//! One mail to one mail server, step by step: whose fault a refusal is shows in the step at which it comes. Not responsible for
//! what the mail says (`email`), nor for troubles of the connection in words (`explain`).
//!
//! A refusal of the connection, the login or the sender meets every mail; one of RCPT is that recipient's, and the others get
//! the mail; one of DATA is the message's. What a server says for now (4xx) and what breaks off is tried again.
use std::future::Future;
use std::time::Duration;

use lettre::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use crate::clock::{Clock, SystemClock};
use crate::notify::smtp_errors::{explain, stalled, untrusted};
use crate::notify::smtp_trust::Trust;
use crate::notify::transport::{SendError, chain};
use crate::settings::Tls;

const CONNECT: Duration = Duration::from_secs(20);
/// The mail is taken or refused by then: a server that does not take leave holds nobody up.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where and how to log in.
pub struct Server {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// When TLS begins.
    pub tls: Tls,
    /// With what; always there unless `tls` is none.
    pub parameters: Option<TlsParameters>,
    /// Whom to believe, where the parameters leave that to us: asked before anything secret is said.
    pub trust: Option<Trust>,
    /// What to call ourselves.
    pub helo: ClientId,
    /// User and password.
    pub credentials: Option<Credentials>,
    /// Bound on each step.
    pub limit: Duration,
}

/// One who is to get it.
pub(super) struct Recipient {
    /// As the config has it.
    pub spelt: String,
    /// What it means, its domain in ASCII.
    pub mailbox: Mailbox,
}

/// Makes a mail's bytes.
pub(super) type Write<'a> = dyn Fn(&[&Recipient]) -> Result<Vec<u8>, SendError> + Sync + 'a;

/// What is to be sent.
pub(super) struct Letter<'a> {
    /// From whom.
    pub from: &'a Mailbox,
    /// To whom.
    pub to: &'a [Recipient],
    /// Its bytes, with these recipients in its header.
    pub write: &'a Write<'a>,
}

/// What became of each recipient, by the config's spelling; of those not taken with the reason.
#[derive(Debug, Default)]
pub(super) struct Fates {
    /// The server answers for it.
    pub taken: Vec<String>,
    /// Never.
    pub refused: Vec<(String, String)>,
    /// Not now.
    pub later: Vec<(String, String)>,
}

/// Who may have it, with the address as it is sent.
type Willing<'a> = (&'a Recipient, Address);

/// Why a step failed.
enum Fault {
    Said(Error),
    Untrusted(rustls::Error),
    Stalled(Duration),
}

impl From<Error> for Fault {
    fn from(e: Error) -> Self {
        Self::Said(e)
    }
}

impl Fault {
    fn code(&self) -> Option<String> {
        match self {
            Self::Said(e) => e.status().map(|code| code.to_string()),
            Self::Untrusted(_) | Self::Stalled(_) => None,
        }
    }

    fn is(&self, codes: &[&str]) -> bool {
        self.code().is_some_and(|code| codes.contains(&code.as_str()))
    }

    fn permanent(&self) -> bool {
        matches!(self, Self::Said(e) if e.is_permanent())
    }

    fn words(&self) -> String {
        match self {
            Self::Said(e) => chain(e),
            Self::Untrusted(e) => untrusted(e).to_string(),
            Self::Stalled(limit) => stalled(*limit).to_string(),
        }
    }

    /// It would meet every other mail too.
    fn of_server(self) -> SendError {
        match self {
            Self::Said(e) => SendError::Server(explain(&e).to_string()),
            Self::Untrusted(e) => untrusted(&e),
            Self::Stalled(limit) => stalled(limit),
        }
    }

    /// The server leaves, wants a login first, or is gone: nothing of that is about one recipient.
    fn ends_it(&self) -> bool {
        self.code().is_none() || self.is(&["421", "530", "534", "535", "538"])
    }
}

async fn within<T, E: Into<Fault>>(
    limit: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(limit, step).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Fault::Stalled(limit)),
    }
}

impl Server {
    async fn connect(&self) -> Result<AsyncSmtpConnection, Fault> {
        let at_once = self.parameters.clone().filter(|_| self.tls == Tls::Implicit);
        let to = (self.host.as_str(), self.port);
        let mut line =
            AsyncSmtpConnection::connect_tokio1(to, Some(CONNECT), &self.helo, at_once, None).await?;
        if let Some(parameters) = self.parameters.clone().filter(|_| self.tls == Tls::StartTls) {
            line.starttls(parameters, &self.helo).await?;
        }
        if let Some(trust) = &self.trust {
            let now = SystemClock::new().now().wall;
            trust.accepts(&line.certificate_chain()?, now).map_err(Fault::Untrusted)?;
        }
        if let Some(credentials) = &self.credentials {
            line.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(line)
    }

    async fn line(&self) -> Result<AsyncSmtpConnection, SendError> {
        within(self.limit, self.connect()).await.map_err(Fault::of_server)
    }

    /// Connects, negotiates TLS, logs in and leaves.
    pub(super) async fn greet(&self) -> Result<(), SendError> {
        let mut line = self.line().await?;
        let answers = tokio::time::timeout(self.limit, line.test_connected()).await;
        leave(line).await;
        match answers {
            Ok(true) => Ok(()),
            Ok(false) => Err(SendError::Server("the mail server does not answer NOOP".into())),
            Err(_) => Err(stalled(self.limit)),
        }
    }

    /// Asks for each recipient whether a mail would be taken, and sends none.
    pub(super) async fn ask(&self, from: &Mailbox, to: &[Recipient]) -> Result<Fates, SendError> {
        let mut line = self.line().await?;
        let mut fates = Fates::default();
        let asked = self.envelope(&mut line, from, to, &mut fates).await;
        let willing = match asked {
            Ok(willing) => willing,
            Err(e) => {
                leave(line).await;
                return Err(e);
            }
        };
        fates.taken = willing.iter().map(|(r, _)| r.spelt.clone()).collect();
        leave(line).await;
        Ok(fates)
    }

    async fn envelope<'a>(
        &self,
        line: &mut AsyncSmtpConnection,
        from: &Mailbox,
        to: &'a [Recipient],
        fates: &mut Fates,
    ) -> Result<Vec<Willing<'a>>, SendError> {
        let willing = spelled(line, to, fates);
        self.address(line, &sender(line, from)?, willing, false, fates).await
    }

    /// Sends it.
    pub(super) async fn send(&self, letter: &Letter<'_>) -> Result<Fates, SendError> {
        let mut line = self.line().await?;
        let done = self.dialogue(&mut line, letter).await;
        leave(line).await;
        done
    }

    async fn dialogue(
        &self,
        line: &mut AsyncSmtpConnection,
        letter: &Letter<'_>,
    ) -> Result<Fates, SendError> {
        let mut fates = Fates::default();
        let from = sender(line, letter.from)?;
        let willing = spelled(line, letter.to, &mut fates);
        if willing.is_empty() {
            return Ok(fates);
        }
        let named: Vec<&Recipient> = willing.iter().map(|(r, _)| *r).collect();
        let bytes = (letter.write)(&named)?;
        let wide = !bytes.is_ascii();
        if wide && !line.server_info().supports_feature(Extension::EightBitMime) {
            return Err(SendError::Never(
                "the mail holds letters beyond ASCII, and the mail server does not offer 8BITMIME".into(),
            ));
        }
        let accepted = self.address(line, &from, willing, wide, &mut fates).await?;
        let Some(why) = self.hand_over(line, &accepted, &bytes, &mut fates).await? else { return Ok(fates) };
        // Refused for all of them together: it may be one of them all the same.
        if let [_one] = accepted.as_slice()
            && fates.later.is_empty()
        {
            return Err(SendError::Never(why));
        }
        let mut refused = Vec::new();
        for one in accepted {
            let spelt = one.0.spelt.clone();
            let one = self.address(line, &from, vec![one], wide, &mut fates).await?;
            if let Some(why) = self.hand_over(line, &one, &bytes, &mut fates).await? {
                refused.push((spelt, why));
            }
        }
        if fates.taken.is_empty() && fates.later.is_empty() {
            return Err(SendError::Never(why));
        }
        fates.refused.extend(refused);
        Ok(fates)
    }

    /// MAIL and RCPT; gives those who may have it.
    async fn address<'a>(
        &self,
        line: &mut AsyncSmtpConnection,
        from: &Address,
        to: Vec<Willing<'a>>,
        wide: bool,
        fates: &mut Fates,
    ) -> Result<Vec<Willing<'a>>, SendError> {
        let mut options = Vec::new();
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !ascii(from) || to.iter().any(|(_, address)| !ascii(address)) {
            options.push(MailParameter::SmtpUtfEight);
        }
        if wide {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let begun = within(self.limit, line.command(Mail::new(Some(from.clone()), options))).await;
        if let Err(fault) = begun {
            return Err(if fault.ends_it() || !fault.permanent() {
                fault.of_server()
            } else {
                not_from(&fault)
            });
        }
        let mut accepted = Vec::new();
        for (recipient, address) in to {
            let asked = within(self.limit, line.command(Rcpt::new(address.clone(), Vec::new()))).await;
            let Err(fault) = asked else {
                accepted.push((recipient, address));
                continue;
            };
            if fault.ends_it() {
                return Err(fault.of_server());
            }
            // 552 of RCPT says that there are too many at once, or a full mailbox (RFC 5321, 4.5.3.1.10).
            let for_good = fault.permanent() && !fault.is(&["552"]);
            let said =
                (recipient.spelt.clone(), format!("the mail server does not take it: {}", fault.words()));
            if for_good { fates.refused.push(said) } else { fates.later.push(said) }
        }
        if accepted.is_empty() {
            let _ = within(self.limit, line.command(Rset)).await;
        }
        Ok(accepted)
    }

    /// DATA and the message; the reason, if it is refused for good.
    async fn hand_over(
        &self,
        line: &mut AsyncSmtpConnection,
        to: &[Willing<'_>],
        bytes: &[u8],
        fates: &mut Fates,
    ) -> Result<Option<String>, SendError> {
        if to.is_empty() {
            return Ok(None);
        }
        let step = async {
            line.command(Data).await?;
            line.message(bytes).await
        };
        let spelt = to.iter().map(|(r, _)| r.spelt.clone());
        match within(self.limit, step).await {
            Ok(_) => fates.taken.extend(spelt),
            Err(fault) if fault.is(&["421"]) => return Err(fault.of_server()),
            Err(fault) if fault.permanent() => {
                let _ = within(self.limit, line.command(Rset)).await;
                return Ok(Some(format!("the mail server refuses this message: {}", fault.words())));
            }
            // Also where it breaks off: were it this message that breaks it, all others would wait behind it.
            Err(fault) => {
                let why = format!("the mail server did not take this message now: {}", fault.words());
                fates.later.extend(spelt.map(|s| (s, why.clone())));
            }
        }
        Ok(None)
    }
}

async fn leave(mut line: AsyncSmtpConnection) {
    let _ = tokio::time::timeout(FAREWELL, line.quit()).await;
}

fn not_from(fault: &Fault) -> SendError {
    SendError::Server(format!(
        "the mail server refuses our sender address ({}): check from in [alerts.email]",
        fault.words()
    ))
}

fn takes_utf8(line: &AsyncSmtpConnection) -> bool {
    line.server_info().supports_feature(Extension::SmtpUtfEight)
}

/// A domain beyond ASCII has an ASCII form that every server knows; what stands before the @ has none.
pub(super) fn wired(address: &Address) -> Address {
    if address.domain().is_ascii() {
        return address.clone();
    }
    let ascii = url::Host::parse(address.domain()).ok();
    let ascii = ascii.and_then(|host| Address::new(address.user(), host.to_string()).ok());
    ascii.unwrap_or_else(|| address.clone())
}

fn sender(line: &AsyncSmtpConnection, from: &Mailbox) -> Result<Address, SendError> {
    let address = wired(&from.email);
    if takes_utf8(line) || AsRef::<str>::as_ref(&address).is_ascii() {
        return Ok(address);
    }
    Err(SendError::Server(
        "from in [alerts.email] has letters beyond ASCII before the @, and the mail server does not offer SMTPUTF8: send from \
         another address"
            .into(),
    ))
}

/// Those whose address can be written in this server's words; the others are refused.
fn spelled<'a>(line: &AsyncSmtpConnection, to: &'a [Recipient], fates: &mut Fates) -> Vec<Willing<'a>> {
    let utf8 = takes_utf8(line);
    let mut willing = Vec::new();
    for recipient in to {
        let address = recipient.mailbox.email.clone();
        if utf8 || AsRef::<str>::as_ref(&address).is_ascii() {
            willing.push((recipient, address));
        } else {
            fates.refused.push((recipient.spelt.clone(), NO_UTF8.to_owned()));
        }
    }
    willing
}

const NO_UTF8: &str = "it has letters beyond ASCII before the @, and the mail server does not offer SMTPUTF8: give an address \
                       without them, or use another mail server";
