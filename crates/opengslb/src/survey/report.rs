//! Findings as aligned lines, or as JSON.

use preflight::{Finding, Verdict};

use crate::cli::Output;
use crate::cli::output::{Hue, plain};

/// Prints what was found of a zone; whether nothing is wrong.
pub(crate) fn print(output: Output, zone: &str, findings: &[Finding]) -> bool {
    let is_good = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    if output.is_json {
        let document = json(zone, is_good, findings);
        crate::cli::output::say(&document.to_string());
    } else {
        lines(output, findings).iter().for_each(|line| crate::cli::output::say(line));
    }
    is_good
}

fn json(zone: &str, is_good: bool, findings: &[Finding]) -> serde_json::Value {
    let findings = findings.iter().map(|finding| {
        serde_json::json!({
            "check": finding.check.as_str(),
            "verdict": finding.verdict.as_str(),
            "found": finding.found,
            "next": finding.next,
        })
    });
    serde_json::json!({
        "zone": zone,
        "passed": is_good,
        "findings": findings.collect::<Vec<_>>(),
    })
}

/// A line a check: mark, check, what was found; and what to do next below it.
fn lines(output: Output, findings: &[Finding]) -> Vec<String> {
    let width = findings.iter().map(|finding| finding.check.as_str().len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => output.paint(Hue::Good, "✓"),
            Verdict::Note => output.paint(Hue::Doubtful, "!"),
            Verdict::Unknown => output.paint(Hue::Doubtful, "?"),
            Verdict::Bad => output.paint(Hue::Bad, "✗"),
        };
        let check = format!("{:width$}", finding.check.as_str());
        lines.push(format!("{mark} {check}  {}", plain(&finding.found)));
        let next = finding.next.as_ref();
        lines.extend(next.map(|next| format!("  {:width$}  → {}", "", plain(next))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use preflight::Check;

    use super::*;

    #[test]
    fn lines_are_aligned_and_say_what_to_do() {
        let finding = |check, verdict, next: Option<&str>| Finding {
            check,
            verdict,
            found: "this".to_owned(),
            next: next.map(str::to_owned),
        };
        let findings = [
            finding(Check::Udp, Verdict::Good, None),
            finding(Check::Delegation, Verdict::Bad, Some("that")),
        ];
        let lines = lines(Output::new(false), &findings);
        assert_eq!(lines, ["✓ udp         this", "✗ delegation  this", "              → that"]);
        let document = json("test", false, &findings).to_string();
        assert!(
            document
                .contains(r#""check":"delegation","found":"this","next":"that","verdict":"bad""#)
        );
    }
}
