//! A user's own templates: in the place of the built-in ones, and never in the way of a mail.
use renewd::domain::Severity;
use renewd::simulator::Product;

use crate::common::smtp::{MailServer, free_port};
use crate::common::{Bench, KEEP};
use crate::mail::office::{Office, alert, email};

fn folder(dir: &std::path::Path, files: &[(&str, &str)]) -> String {
    let folder = dir.join("templates");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
    format!("templates = \"{}\"", folder.display())
}

#[test]
fn a_users_template_is_taken_and_a_broken_one_costs_no_mail() {
    let port = free_port();
    let office = Office::new(|dir| {
        let own = folder(
            dir,
            &[
                ("subject.txt.j2", "[house style]\n{{ severity }}: {{ title }}"),
                ("alert.txt.j2", "Dear operator, {{ text }} {{ what_is_this }}"),
                ("alert.html.j2", "{% block body %}"),
                ("layout.html.j2", "<main>{% block body %}{% endblock %}</main>"),
            ],
        );
        email(port, &own)
    });
    let server = MailServer::plain(port);
    office.fire(&[alert("short_funds", Severity::Warning)]);
    office.deliver_due();
    let mails = server.wait_for(1);
    let mail = &mails[0];
    assert_eq!(mail.subject, "[house style] warning: 1 lease of account yp held: short funds", "one line");
    assert!(mail.text.starts_with("WARNING: 1 lease of account yp held"), "built in: {}", mail.text);
    assert!(mail.html.contains("<main>") && mail.html.contains("203.0.113.7"), "{}", mail.html);
}

#[test]
fn check_tells_what_is_wrong_with_a_template_and_the_daemon_goes_on() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &["203.0.113.1"], 24)]);
    let port = free_port();
    let config = |files: &[(&str, &str)]| {
        let own = folder(bench.dir.path(), files);
        bench.config("", &format!("{KEEP}{}", email(port, &own)));
    };
    config(&[("alert.txt.j2", "Dear operator, {{ text }}")]);
    assert_eq!(bench.json(&["check"]).0, 0);
    config(&[("alert.txt.j2", "line one\n{{ txet }}")]);
    let (code, said) = bench.json(&["check"]);
    assert_eq!((code, &said["ok"]), (2, &false.into()), "{said:#}");
    let problem = &said["problems"][0];
    assert!(problem["file"].as_str().unwrap().ends_with("templates/alert.txt.j2"), "{said:#}");
    assert_eq!(
        (&problem["line"], &problem["key"]),
        (&2.into(), &"alerts.email.templates".into()),
        "{said:#}"
    );
    let server = MailServer::plain(port);
    let out = bench.renewd(&["once"]);
    assert_eq!(out.status.code(), Some(3));
    let log = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(log.contains("the built-in one is used instead") && log.contains("alert.txt.j2"), "{log}");
    let mails = server.wait_for(1);
    assert!(mails[0].text.contains("top up at least"), "{}", mails[0].text);
}
