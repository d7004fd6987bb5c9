//! What people and Prometheus see, made from the `status` document.
use minijinja::Environment;
use serde_json::Value;

const PAGE: &str = r#"<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="30"><title>renewd</title><style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #8884;vertical-align:top}
th{font-size:.8rem;text-transform:uppercase;letter-spacing:.04em;opacity:.7}.bad{color:#c4342b;font-weight:600}.good{color:#1a8a50;font-weight:600}</style></head><body>
<h1>renewd <span class="{{ 'good' if s.healthy else 'bad' }}">{{ 'is healthy' if s.healthy else 'needs attention' }}</span></h1>
<p>{% if s.last_cycle %}Last cycle {{ s.last_cycle.started_at }}: {{ s.last_cycle.outcome or 'under way' }}, {{ s.last_cycle.paid }} paid, {{ s.last_cycle.held }} held, {{ s.last_cycle.unknown }} unknown.{% else %}No cycle yet.{% endif %}
{{ s.unknown }} payments unknown, {{ s.needs_operator }} need a person's word.{% for p in s.paused %} <span class="bad">Paused: {{ p }}.</span>{% endfor %}</p>
<h2>Accounts</h2><table><tr><th>account<th>state<th>balance<th>leases<th>next due<th>short by</tr>
{% for a in s.accounts %}<tr><td>{{ a.account }}<td>{% if a.reachable is none %}not read yet{% elif a.reachable %}<span class="good">ok</span>{% else %}<span class="bad">down</span>{% endif %}<td>{{ a.balance or '–' }} {{ a.currency or '' }}<td>{{ a.leases }}<td>{{ a.next_due_at or '–' }}<td>{{ a.runway.short_by if a.runway else '–' }}</tr>{% endfor %}</table>
{% if s.budgets %}<h2>Budgets</h2><table><tr><th>budget<th>per<th>spent<th>reserved<th>limit<th>left</tr>{% for b in s.budgets %}<tr><td>{{ b.name }}<td>{{ b.per }}<td>{{ b.spent }}<td>{{ b.reserved }}<td>{{ b.limit }} {{ b.currency }}<td>{{ b.left }}</tr>{% endfor %}</table>{% endif %}
<h2>Open alerts</h2>{% if s.open_alerts %}<table><tr><th>severity<th>since<th>what</tr>{% for a in s.open_alerts %}<tr><td class="{{ 'bad' if a.severity == 'urgent' else '' }}">{{ a.severity }}<td>{{ a.since }}<td>{{ a.text }}<br><small>{{ a.key }}</small></tr>{% endfor %}</table>{% else %}<p>None.</p>{% endif %}
</body></html>"#;

/// The status page.
pub(super) fn status(document: &Value) -> String {
    let mut environment = Environment::new();
    let shown = environment.add_template("page.html", PAGE).and_then(|()| {
        environment
            .get_template("page.html")?
            .render(minijinja::context! { s => minijinja::Value::from(minijinja::value::Serde(document)) })
    });
    shown.unwrap_or_else(|e| format!("<p>The page cannot be shown: {e}</p>"))
}

/// A small set of Prometheus metrics; none per lease.
pub(super) fn metrics(
    document: &Value,
    alive: bool,
) -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, samples: &[(String, String)]| {
        text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        samples.iter().for_each(|(labels, value)| text.push_str(&format!("{name}{labels} {value}\n")));
    };
    let number = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let accounts = document["accounts"].as_array().cloned().unwrap_or_default();
    let per_account = |key: &str| -> Vec<(String, String)> {
        accounts
            .iter()
            .filter(|a| !a[key].is_null())
            .map(|a| {
                let value = match &a[key] {
                    Value::Bool(b) => u8::from(*b).to_string(),
                    other => number(other),
                };
                (format!("{{account={}}}", a["account"]), value)
            })
            .collect()
    };
    gauge(
        "renewd_loop_alive",
        "Whether the cycle loop moves.",
        &[(String::new(), u8::from(alive).to_string())],
    );
    gauge("renewd_account_reachable", "Whether the newest reading succeeded.", &per_account("reachable"));
    gauge(
        "renewd_account_balance",
        "Balance as last read, in the account's currency.",
        &per_account("balance"),
    );
    gauge("renewd_account_leases", "Leases as last read.", &per_account("leases"));
    let one = |v: &Value| [(String::new(), number(v))];
    gauge("renewd_payments_unknown", "Payments whose outcome is unknown.", &one(&document["unknown"]));
    gauge(
        "renewd_payments_needing_operator",
        "Payments that need a person's word.",
        &one(&document["needs_operator"]),
    );
    let alerts = document["open_alerts"].as_array().map_or(0, Vec::len);
    gauge("renewd_alerts_open", "Open alerts.", &[(String::new(), alerts.to_string())]);
    ([(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
