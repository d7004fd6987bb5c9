//! What `init` is asked, as people type it. Not responsible for asking what is missing (`init/answers.rs`).
use std::path::PathBuf;

use clap::Args;

/// A first config. What is not given is asked on a terminal.
#[derive(Debug, Default, Args)]
pub struct InitArgs {
    /// youproxy, proxyshard, proxyseller, px6, or exec for a program of your own
    #[arg(long, value_name = "P")]
    pub provider: Option<String>,
    /// Your name for the account (default: main)
    #[arg(long, value_name = "A")]
    pub name: Option<String>,
    /// A file that holds the API key and nothing else, mode 600. Without it the key is asked on a terminal and kept in a new file
    #[arg(long, value_name = "PATH")]
    pub key_file: Option<PathBuf>,
    /// Who gets the mails
    #[arg(long, value_name = "ADDRESS")]
    pub mail_to: Option<String>,
    /// Whom the mails are from (default: renewd at the domain of --mail-to)
    #[arg(long, value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// The mail server (default: localhost:25). Port 465 means TLS at once, any other server than this machine STARTTLS
    #[arg(long, value_name = "HOST[:PORT]")]
    pub smtp: Option<String>,
    /// The user at the mail server, where it wants a login
    #[arg(long, value_name = "USER", requires = "smtp_password_file")]
    pub smtp_user: Option<String>,
    /// A file that holds that user's password and nothing else, mode 600
    #[arg(long, value_name = "PATH", requires = "smtp_user")]
    pub smtp_password_file: Option<PathBuf>,
    /// Where the provider answers, if not at its usual address
    #[arg(long, value_name = "URL")]
    pub base_url: Option<String>,
    /// exec: the program by its whole path, then its arguments (repeatable)
    #[arg(long, value_name = "PROGRAM", allow_hyphen_values = true)]
    pub command: Vec<String>,
    /// Your word that the provider's own auto-renewal is off for every lease, where the provider does not tell (px6)
    #[arg(long, value_name = "off", value_parser = ["off"])]
    pub provider_renews: Option<String>,
    /// The config file to make. It must not exist (default: /etc/renewd/renewd.toml, or beside it in conf.d if that one is still empty)
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
