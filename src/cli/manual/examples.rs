//! The examples of the manual pages, and which exit codes a command has. Tests hold each line against the command line.
use crate::exit::Exit;

/// One line of EXAMPLES.
pub(super) struct Example {
    /// The page.
    pub(super) page: &'static str,
    /// What is typed.
    pub(super) line: &'static str,
    /// What it does.
    pub(super) what: &'static str,
}

/// Those of a page.
pub(super) fn of(page: &str) -> impl Iterator<Item = &'static Example> {
    ALL.iter().filter(move |example| example.page == page)
}

/// The exit codes that a command may end with.
pub(super) fn codes(page: &str) -> Vec<Exit> {
    let command = page.strip_prefix("renewd-").unwrap_or_default();
    let may_hold =
        ["run", "once", "apply", "order-create", "order-cycle", "order-tag", "order-auto", "provider-check"];
    let may_need_attention = [
        "init",
        "once",
        "plan",
        "apply",
        "history",
        "check",
        "test-alert",
        "order",
        "order-options",
        "order-quote",
        "order-create",
        "order-cycle",
        "order-tag",
        "order-auto",
        "provider-check",
    ];
    let mut codes = vec![Exit::Done, Exit::Failed, Exit::Usage];
    if may_need_attention.contains(&command) {
        codes.push(Exit::Attention);
    }
    if may_hold.contains(&command) {
        codes.push(Exit::Held);
    }
    codes
}

const fn of_page(page: &'static str, line: &'static str, what: &'static str) -> Example {
    Example { page, line, what }
}

/// All of them.
pub(super) const ALL: &[Example] = &[
    of_page("renewd", "sudo renewd init", "Makes a first config from a few answers."),
    of_page("renewd", "sudo -u renewd renewd plan", "Shows what would be paid, and why; pays nothing."),
    of_page("renewd", "sudo systemctl enable --now renewd", "Starts the daemon, now and at every boot."),
    of_page("renewd-init", "sudo renewd init", "Asks for everything at the terminal."),
    of_page(
        "renewd-init",
        "renewd init --provider youproxy --key-file yp.key --mail-to ops@example.org --output renewd.toml",
        "The same for a script; the ledger will be beside the config.",
    ),
    of_page("renewd-run", "sudo systemctl start renewd", "Under systemd; this is how it is meant to run."),
    of_page("renewd-run", "renewd --config renewd.toml run", "In the foreground, until Ctrl-C."),
    of_page("renewd-once", "sudo -u renewd renewd once --all", "One cycle, showing every lease."),
    of_page(
        "renewd-plan",
        "sudo -u renewd renewd plan --out /var/lib/renewd/friday.plan",
        "Also writes a plan file for somebody to approve.",
    ),
    of_page(
        "renewd-apply",
        "sudo -u renewd renewd apply /var/lib/renewd/friday.plan",
        "Pays exactly that, once.",
    ),
    of_page(
        "renewd-explain",
        "sudo -u renewd renewd explain 203.0.113.7",
        "Why this lease gets its decision.",
    ),
    of_page(
        "renewd-explain",
        "sudo -u renewd renewd explain 203.0.113.7 --stored",
        "The same without asking the provider.",
    ),
    of_page("renewd-status", "sudo -u renewd renewd status --json", "For scripts: look at healthy."),
    of_page(
        "renewd-leases",
        "sudo -u renewd renewd leases --decision hold --csv",
        "What is held, for a spreadsheet.",
    ),
    of_page("renewd-forecast", "sudo -u renewd renewd forecast --days 60", "Two months ahead."),
    of_page(
        "renewd-backtest",
        "sudo -u renewd renewd backtest --policy new.toml --since 90d",
        "What other policies would have paid in the last 90 days.",
    ),
    of_page(
        "renewd-history",
        "sudo -u renewd renewd history --since 30d --state unknown",
        "Payments of the last month whose outcome is not known.",
    ),
    of_page(
        "renewd-history",
        "sudo -u renewd renewd history --verify",
        "Whether anybody changed the record.",
    ),
    of_page(
        "renewd-resolve",
        "sudo -u renewd renewd resolve p-000042 --charged 2.65 --note panel",
        "It was charged, as the provider's panel shows.",
    ),
    of_page(
        "renewd-approve",
        "sudo -u renewd renewd approve k7m2q-9xw4t",
        "Lets the next cycle pay exactly this plan.",
    ),
    of_page("renewd-reject", "sudo -u renewd renewd reject k7m2q-9xw4t", "Leaves this plan unpaid."),
    of_page(
        "renewd-keep",
        "sudo -u renewd renewd keep 203.0.113.7 --like keep-all --until 2027-03-01",
        "Keeps a lease that was to be let go until that day.",
    ),
    of_page(
        "renewd-pause",
        "sudo -u renewd renewd pause yp --for 2h",
        "Nothing of that account is paid for two hours.",
    ),
    of_page(
        "renewd-resume",
        "sudo -u renewd renewd resume yp",
        "Spends again, and accepts what is held of that account.",
    ),
    of_page(
        "renewd-silence",
        "sudo -u renewd renewd silence short_funds:yp --for 2h",
        "Keeps that alert quiet for two hours.",
    ),
    of_page(
        "renewd-check",
        "sudo -u renewd renewd check --live",
        "Also reads every account and greets the mail server.",
    ),
    of_page(
        "renewd-check",
        "sudo -u renewd renewd check --diff new.toml",
        "What another config would change, and the money it means.",
    ),
    of_page("renewd-test-mail", "sudo -u renewd renewd test-mail", "Does a mail arrive?"),
    of_page(
        "renewd-test-alert",
        "sudo -u renewd renewd test-alert ops-chat",
        "One test alert through that channel.",
    ),
    of_page(
        "renewd-backup",
        "sudo -u renewd renewd backup /var/backups/renewd/today.db",
        "A consistent copy while the daemon runs.",
    ),
    of_page("renewd-demo", "renewd demo", "Sixty days in a moment, with four simulated providers."),
    of_page(
        "renewd-demo",
        "renewd demo --serve 127.0.0.1:9787",
        "The same in a minute, with the page to look at.",
    ),
    of_page(
        "renewd-simulate",
        "renewd simulate --leases 12",
        "A provider to try a config against; prints such a config.",
    ),
    of_page(
        "renewd-ledger",
        "sudo -u renewd renewd ledger copy --from sqlite:/var/lib/renewd --to url-file:/etc/renewd/ledger.url",
        "Moves the ledger to a server.",
    ),
    of_page(
        "renewd-ledger-copy",
        "sudo -u renewd renewd ledger copy --from sqlite:/var/lib/renewd --to url-file:/etc/renewd/ledger.url",
        "Moves the ledger of a stopped renewd to a server; the old one is refused from then on.",
    ),
    of_page("renewd-schema", "renewd schema config", "For an editor that completes TOML by a schema."),
    of_page("renewd-completions", "renewd completions bash", "The script for bash."),
    of_page("renewd-man", "renewd man --dir /usr/local/share/man", "All pages, for man to find."),
    of_page("renewd-order", "sudo -u renewd renewd order options", "What can be bought."),
    of_page(
        "renewd-order-options",
        "sudo -u renewd renewd order options --account yp",
        "What that account can buy.",
    ),
    of_page(
        "renewd-order-quote",
        "sudo -u renewd renewd order quote --kind IPv4 --country USA --period 30d",
        "What it would cost.",
    ),
    of_page(
        "renewd-order-create",
        "sudo -u renewd renewd order create --kind IPv4 --country USA --period 30d --quantity 2",
        "Buys two, after a question.",
    ),
    of_page(
        "renewd-order-cycle",
        "sudo -u renewd renewd order cycle 480021 quarterly --preview",
        "Only says what would change.",
    ),
    of_page("renewd-order-tag", "sudo -u renewd renewd order tag 48213 prod-7", "Tags the order."),
    of_page(
        "renewd-order-auto",
        "sudo -u renewd renewd order auto 48213 off",
        "The provider renews it no more.",
    ),
    of_page(
        "renewd-provider",
        "renewd provider check /usr/lib/renewd/providers/mine",
        "Does that program keep the protocol?",
    ),
    of_page(
        "renewd-provider-check",
        "renewd provider check /usr/lib/renewd/providers/mine",
        "Does that program keep the protocol?",
    ),
];
