//! Chromium without a window, told what to do by WebDriver (W3C) through `chromedriver`: the few requests
//! that are needed, over plain HTTP. Both end with this value.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A page takes milliseconds to follow; a loaded machine may need longer.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// How WebDriver writes a reference to an element (WebDriver, 12.1).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys that are no letters (WebDriver, 17.4.2).
pub(crate) const TAB: char = '\u{e004}';
pub(crate) const ENTER: char = '\u{e007}';
pub(crate) const ESCAPE: char = '\u{e00c}';
pub(crate) const SPACE: char = '\u{e00d}';
pub(crate) const RIGHT: char = '\u{e014}';

/// A browser with one page.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

/// Starts one; nothing, and it is said loudly, where there is none.
pub(crate) fn start() -> Option<Browser> {
    let mut command = Command::new("chromedriver");
    // A group of its own, so that the browser ends with it.
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let Ok(mut driver) = command.spawn() else {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI has to run Chromium");
        eprintln!(
            "SKIPPED: nothing is proven of the page without chromedriver (Debian: chromium-driver)"
        );
        return None;
    };
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    std::thread::spawn(move || lines.for_each(drop));
    let profile = tempfile::tempdir().unwrap();
    let mut browser =
        Browser { driver, port: port.unwrap(), session: String::new(), _profile: profile };
    let user_data = format!("--user-data-dir={}", browser._profile.path().display());
    // No name leads anywhere: whatever the page would ask of others fails, and is in the console.
    let nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";
    let arguments = json!([
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
        "--no-proxy-server",
        "--hide-scrollbars",
        user_data,
        nowhere,
    ]);
    let wanted = json!({"capabilities": {"alwaysMatch": {
        "goog:chromeOptions": {"args": arguments},
        "goog:loggingPrefs": {"browser": "ALL"},
    }}});
    let told = browser.ask("POST", "/session", &wanted);
    browser.session = told["sessionId"].as_str().unwrap().to_owned();
    Some(browser)
}

impl Browser {
    /// A request to the driver; a refusal fails the test.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        self.try_ask(method, path, body).unwrap_or_else(|said| panic!("{path} {body}: {said}"))
    }

    fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n",
            self.port
        );
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let (mut status, mut length) = (String::new(), 0);
        answer.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            answer.read_line(&mut line).unwrap();
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut bytes = vec![0; length];
        answer.read_exact(&mut bytes).unwrap();
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        let value = told["value"].clone();
        if status.contains(" 200 ") { Ok(value) } else { Err(value["message"].to_string()) }
    }

    #[track_caller]
    fn tell(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}/{what}", self.session), body)
    }

    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.tell("url", &json!({"url": url}));
    }

    /// What a function body in the page returns.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> Value {
        self.tell("execute/sync", &json!({"script": script, "args": []}))
    }

    /// Something of Chromium's own protocol.
    #[track_caller]
    pub(crate) fn chromium(&self, command: &str, parameters: &Value) -> Value {
        self.tell("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// Waits until an expression of the page is true.
    #[track_caller]
    pub(crate) fn until(&self, expression: &str) {
        let script = format!("return Boolean({expression})");
        self.until_true(expression, || self.run(&script) == true);
    }

    /// Waits until something is true of the page and of what is beside it.
    #[track_caller]
    pub(crate) fn until_true(&self, what: &str, mut is_true: impl FnMut() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_true() {
            assert!(Instant::now() < until, "not true: {what}\n{}", self.text("body"));
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until a part of the page says something.
    #[track_caller]
    pub(crate) fn says(&self, css: &str, words: &str) {
        let (css, words) = (json!(css), json!(words));
        self.until(&format!("document.querySelector({css})?.textContent.includes({words})"));
    }

    /// What a part of the page says.
    #[track_caller]
    pub(crate) fn text(&self, css: &str) -> String {
        let told = self.run(&format!("return document.querySelector({})?.innerText", json!(css)));
        told.as_str().unwrap_or_default().to_owned()
    }

    /// The same of all parts that fit.
    #[track_caller]
    pub(crate) fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(CSS)].map(one => one.textContent)";
        let told = self.run(&script.replace("CSS", &json!(css).to_string()));
        serde_json::from_value(told).unwrap()
    }

    #[track_caller]
    fn element(&self, css: &str) -> String {
        let found = self.tell("element", &json!({"using": "css selector", "value": css}));
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        self.tell(&format!("element/{}/click", self.element(css)), &json!({}));
    }

    /// Puts text into a field, in place of what is there.
    #[track_caller]
    pub(crate) fn write(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.tell(&format!("element/{element}/clear"), &json!({}));
        self.tell(&format!("element/{element}/value"), &json!({"text": text}));
    }

    /// Chooses from a list, as a person does by typing its first letters.
    #[track_caller]
    pub(crate) fn choose(&self, css: &str, text: &str) {
        self.tell(&format!("element/{}/value", self.element(css)), &json!({"text": text}));
    }

    /// Presses and lets go one key after the other, wherever the page's focus is.
    #[track_caller]
    pub(crate) fn press(&self, keys: &[char]) {
        let steps = keys.iter().flat_map(|key| {
            let key = key.to_string();
            [json!({"type": "keyDown", "value": key}), json!({"type": "keyUp", "value": key})]
        });
        let steps: Vec<Value> = steps.collect();
        self.tell(
            "actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": steps}]}),
        );
    }

    /// What the console said since it was asked before.
    #[track_caller]
    pub(crate) fn console(&self) -> Vec<String> {
        let told = self.tell("se/log", &json!({"type": "browser"}));
        let lines = told.as_array().unwrap().iter();
        lines.map(|line| format!("{} {}", line["level"], line["message"])).collect()
    }

    /// How large its window is, and how it is set: `dark` or `light`.
    #[track_caller]
    pub(crate) fn look_like(&self, (width, height): (u32, u32), scheme: &str) {
        let is_phone = width < 500;
        let size = json!({
            "width": width, "height": height, "mobile": is_phone,
            "deviceScaleFactor": if is_phone { 2 } else { 1 },
        });
        self.chromium("Emulation.setDeviceMetricsOverride", &size);
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.chromium("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// What is seen, as PNG in base 64.
    #[track_caller]
    pub(crate) fn picture(&self) -> String {
        let told = self.chromium("Page.captureScreenshot", &json!({"format": "png"}));
        told["data"].as_str().unwrap().to_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.try_ask("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
        // Whatever of the browser is still there: the group is its own, and its number is that of
        // the driver.
        let group = format!("-{}", self.driver.id());
        let mut kill = Command::new("kill");
        let _ = kill.args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    }
}
