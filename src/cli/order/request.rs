//! From flags and an order file to a purchase. Not responsible for what a product needs: the provider's part says that.
use std::path::Path;

use crate::cli::context::{Context, Failure};
use crate::cli::order_args::BuyArgs;
use crate::domain::{FieldProblem, Kind, PurchaseAuth, PurchaseRequest};

/// The purchase that flags and file describe; every field that cannot be read is told at once.
pub(super) fn request(ctx: &Context, flags: &BuyArgs) -> Result<PurchaseRequest, Failure> {
    let args = match &flags.file {
        Some(file) => over(read(file)?, flags),
        None => flags.clone(),
    };
    let mut wrong: Vec<String> = Vec::new();
    let mut one = |a: &Option<String>, b: &Option<String>, names: [&str; 2]| match (a, b) {
        (Some(_), Some(_)) => {
            wrong.push(format!("--{} and --{} name the same thing: write one of them", names[0], names[1]));
            None
        }
        (a, b) => a.clone().or_else(|| b.clone()),
    };
    let kind = one(&args.kind, &args.product, ["kind", "product"]);
    let country = one(&args.country, &args.location, ["country", "location"]);
    if kind.is_none() {
        wrong.push("--kind (or --product) is missing: renewd order options lists what there is".into());
    }
    let mut take = |result: Result<(), String>| wrong.extend(result.err());
    let (mut period_days, mut auth, mut addons) = (None, None, Vec::new());
    if let Some(text) = &args.period {
        take(days(text).map(|d| period_days = Some(d)));
    }
    if let Some(text) = &args.auth {
        take(auth_of(text).map(|a| auth = Some(a)));
    }
    for text in &args.addon {
        take(addon(text).map(|a| addons.push(a)));
    }
    if !wrong.is_empty() {
        return Err(Failure::usage(wrong.join("; ")));
    }
    Ok(PurchaseRequest {
        account: super::account(ctx, args.account.as_deref())?,
        kind: Kind::new(kind.unwrap_or_default()),
        country,
        quantity: args.quantity.unwrap_or(1),
        period_days,
        cycle: args.cycle,
        promo: args.promo,
        goal: args.goal,
        auth,
        protocol: args.protocol,
        operator: args.operator,
        rotation: args.rotation,
        auto_renewal: args.auto_renewal.then_some(true),
        addons,
        mark: None,
    })
}

/// What the provider's part has against it, as one line per field.
pub(super) fn told(problems: &[FieldProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| format!("--{}: {}", p.field, p.message)).collect();
    format!("nothing was sent: {}", lines.join("; "))
}

fn read(file: &Path) -> Result<BuyArgs, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::usage(format!("{} cannot be read: {e}", file.display())))?;
    parse(&text).map_err(|e| Failure::usage(format!("{}: {e}", file.display())))
}

/// An order file; the error names line and key.
///
/// # Errors
/// Unknown keys, wrong types, no TOML.
pub fn parse(text: &str) -> Result<BuyArgs, String> {
    toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())
}

fn over(file: BuyArgs, flags: &BuyArgs) -> BuyArgs {
    let pick = |flag: &Option<String>, file: Option<String>| flag.clone().or(file);
    BuyArgs {
        account: pick(&flags.account, file.account),
        quantity: flags.quantity.or(file.quantity),
        promo: pick(&flags.promo, file.promo),
        kind: pick(&flags.kind, file.kind),
        country: pick(&flags.country, file.country),
        period: pick(&flags.period, file.period),
        goal: pick(&flags.goal, file.goal),
        auth: pick(&flags.auth, file.auth),
        protocol: pick(&flags.protocol, file.protocol),
        operator: pick(&flags.operator, file.operator),
        rotation: flags.rotation.or(file.rotation),
        product: pick(&flags.product, file.product),
        location: pick(&flags.location, file.location),
        cycle: pick(&flags.cycle, file.cycle),
        auto_renewal: flags.auto_renewal || file.auto_renewal,
        addon: if flags.addon.is_empty() { file.addon } else { flags.addon.clone() },
        file: None,
    }
}

fn days(text: &str) -> Result<u32, String> {
    let number = text.trim().trim_end_matches('d');
    let days = number.parse().ok().filter(|d| *d > 0);
    days.ok_or_else(|| format!("--period: `{text}` is not a number of days: write 30d"))
}

fn auth_of(text: &str) -> Result<PurchaseAuth, String> {
    let wrong = || format!("--auth: `{text}` is neither `login` nor `ip:ADDRESS`");
    if text.eq_ignore_ascii_case("login") {
        return Ok(PurchaseAuth::Login);
    }
    let address = text.strip_prefix("ip:").ok_or_else(wrong)?;
    address.parse::<std::net::IpAddr>().map(|ip| PurchaseAuth::Ip(ip.to_string())).map_err(|_| wrong())
}

fn addon(text: &str) -> Result<(String, u32), String> {
    let wrong = || format!("--addon: `{text}` is not KEY=QTY");
    let (key, count) = text.split_once('=').ok_or_else(wrong)?;
    let count = count.trim().parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    if key.trim().is_empty() { Err(wrong()) } else { Ok((key.trim().to_owned(), count)) }
}
