//! A real browser at the end of two pipes: Debian's chromium, spoken to in its own protocol. The least that the tests need.
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

/// Its pipes are the descriptors 3 and 4.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --no-first-run \
    --remote-debugging-pipe --user-data-dir=\"$0\" about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// Notes what the page's own policy refuses, before anything of the page runs.
const WITNESS: &str = "window.refused = []; addEventListener('securitypolicyviolation', e => refused.push(e.violatedDirective + ' ' + e.blockedURI))";

pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    calls: u64,
    session: Option<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    pub fn start() -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", START])
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut browser = Self { child, to, from, calls: 0, session: None, _profile: profile };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = browser
            .call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        browser.call("Page.enable", &json!({}));
        browser.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": WITNESS }));
        browser
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.ask(method, params).unwrap_or_else(|error| panic!("{method}: {error:#}"))
    }

    fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.calls += 1;
        let mut message = json!({ "id": self.calls, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut reply = Vec::new();
            self.from.read_until(0, &mut reply).unwrap();
            assert_eq!(reply.pop(), Some(0), "the browser is gone (apt-get install chromium)");
            let reply: Value = serde_json::from_slice(&reply).unwrap();
            if reply["id"] == self.calls {
                return if reply["error"].is_null() { Ok(reply["result"].clone()) } else { Err(reply) };
            }
        }
    }

    /// As wide as that, in light or dark.
    pub fn looks(&mut self, width: u32, scheme: &str) {
        let phone = width < 500;
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": phone });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    pub fn scripts(&mut self, run: bool) {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !run }));
    }

    pub fn open(&mut self, url: &str) {
        let gone = self.call("Page.navigate", &json!({ "url": url }));
        assert!(gone["errorText"].is_null(), "{url}: {gone:#}");
        let loaded = "new Promise(done => document.readyState === 'complete' ? done(true) : addEventListener('load', () => done(true)))";
        assert_eq!(self.value(loaded), json!(true));
    }

    /// What an expression comes to; a promise is waited for.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        // A page that is still coming takes the place of the one that was asked.
        let is_gone = |e: &Value| e["error"]["message"].to_string().contains("navigated");
        let mut told = self.ask("Runtime.evaluate", &asked);
        for _ in 0..20 {
            if !told.as_ref().is_err_and(is_gone) {
                break;
            }
            told = self.ask("Runtime.evaluate", &asked);
        }
        let told = told.unwrap_or_else(|error| panic!("{error:#}"));
        assert!(told["exceptionDetails"].is_null(), "{told:#}");
        told["result"]["value"].clone()
    }

    /// The whole page, also what is below the fold.
    pub fn shoot(&mut self, to: &Path) {
        let shot =
            self.call("Page.captureScreenshot", &json!({ "captureBeyondViewport": true, "format": "png" }));
        std::fs::write(to, BASE64_STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
