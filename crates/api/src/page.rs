//! The page at `/`, for people: its files as they are sent.
//!
//! Plain modules, styles and pictures of our own, in the binary: nothing builds them, and they ask
//! nobody but this server. They hold no secret and know nothing of clients; what they show, they ask the
//! API for, with the rights of whoever looks. Begin with `page/main.js`.

/// A file of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it stands on the server.
    pub path: &'static str,
    /// What it is.
    pub media_type: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// What a browser may do on the page: only what this server says may run, look or be asked, and no page
/// of anybody else may hold it in a frame.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                          connect-src 'self'; base-uri 'none'; form-action 'none'; \
                          frame-ancestors 'none'";

/// All of them; the first one is the page itself.
pub const FILES: &[File] = &[
    File {
        path: "/",
        media_type: "text/html; charset=utf-8",
        text: include_str!("page/index.html"),
    },
    File {
        path: "/page/style.css",
        media_type: "text/css; charset=utf-8",
        text: include_str!("page/style.css"),
    },
    File {
        path: "/page/icon.svg",
        media_type: "image/svg+xml",
        text: include_str!("page/icon.svg"),
    },
    script("/page/main.js", include_str!("page/main.js")),
    script("/page/api.js", include_str!("page/api.js")),
    script("/page/feed.js", include_str!("page/feed.js")),
    script("/page/token.js", include_str!("page/token.js")),
    script("/page/trouble.js", include_str!("page/trouble.js")),
    script("/page/networks.js", include_str!("page/networks.js")),
    script("/page/chart.js", include_str!("page/chart.js")),
    script("/page/tail.js", include_str!("page/tail.js")),
    script("/page/table.js", include_str!("page/table.js")),
    script("/page/history.js", include_str!("page/history.js")),
    script("/page/servers.js", include_str!("page/servers.js")),
    script("/page/change.js", include_str!("page/change.js")),
    script("/page/explain.js", include_str!("page/explain.js")),
    script("/page/agents.js", include_str!("page/agents.js")),
    script("/page/words.js", include_str!("page/words.js")),
    script("/page/dom.js", include_str!("page/dom.js")),
];

const fn script(path: &'static str, text: &'static str) -> File {
    File { path, media_type: "text/javascript; charset=utf-8", text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nobody else is asked for anything; the one address in it is a name, not a place.
    #[test]
    fn nothing_leads_to_another_server() {
        for file in FILES {
            let text = file.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{}", file.path);
            assert!(!text.contains("innerHTML") && !text.contains("eval("), "{}", file.path);
        }
    }

    #[test]
    fn every_file_says_what_it_is_for() {
        for file in FILES {
            let text = file.text.trim_start_matches("<!doctype html>\n");
            assert!(["// ", "/* ", "<!-- "].iter().any(|head| text.starts_with(head)), "{file:?}");
        }
    }

    /// What a module names is there, and every file is named by another one.
    #[test]
    fn every_file_is_part_of_the_page() {
        let name_of = |file: &File| file.path.rsplit('/').next().unwrap_or_default().to_owned();
        let names: Vec<String> = FILES.iter().map(name_of).collect();
        for file in FILES {
            for rest in file.text.split("from \"./").skip(1) {
                let name = rest.split('"').next().unwrap_or_default();
                assert!(names.iter().any(|known| known == name), "{}: {name}", file.path);
            }
        }
        for name in names.iter().skip(1) {
            let is_named = |file: &&File| file.text.contains(&format!("/{name}\""));
            assert!(FILES.iter().any(|file| is_named(&file)), "{name}");
        }
    }

    /// What a policy without inline scripts and styles would keep from working.
    #[test]
    fn nothing_stands_in_line() {
        let page = FILES[0].text;
        for part in ["<style", " style=", " onclick", "<script>", "javascript:"] {
            assert!(!page.contains(part), "{part}");
        }
    }
}
