//! The words of `opengslb-cli`.

use clap::{Parser, Subcommand};

use super::agents::Agents;
use super::completion::Wanted as WantedCompletion;
use super::dnssec::Dnssec;
use super::domains::Words as WordsAboutDomains;
use super::explain::Wanted as WantedStory;
use super::external_dns::Wanted as WantedWebhook;
use super::geo::Geo;
use super::import::Import;
use super::latency::Latency;
use super::learning::Learning;
use super::mappings::Mappings;
use super::overrides::Overrides;
use super::pins::Pins;
use super::preflight::Wanted as WantedFlight;
use super::regions::Regions;
use super::resolvers::Resolvers;
use super::servers::Words as WordsAboutServers;
use super::sources::Sources;
use super::store::{BackUp, Restore};
use super::tokens::Tokens;
use super::top::Wanted as WantedTop;

/// Ask an overwatch, and tell it what to do.
#[derive(Debug, Parser)]
#[command(
    name = "opengslb-cli",
    version,
    after_help = "Exit codes: 0 well; 1 the answer is no; 64 a faulty command line; 69 nobody \
                  answers; 77 not allowed.\n\nExamples:\n  \
                  opengslb-cli status\n  \
                  opengslb-cli --api http://10.1.1.10:8080 latency show --domain app.demo.local\n  \
                  opengslb-cli preflight demo.example.net"
)]
pub(super) struct Arguments {
    /// The API: http://HOST:PORT, https://HOST:PORT or unix:PATH. Without it OPENGSLB_API, else this
    /// machine's control socket where it can be opened, else http://127.0.0.1:8080. OPENGSLB_TOKEN is
    /// sent as the token; OPENGSLB_CA names the certificates that are trusted.
    #[arg(long, global = true, value_name = "URL")]
    pub(super) api: Option<String>,
    /// Seconds until the API has to have answered.
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10)]
    pub(super) timeout: u16,
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The overwatch, its agents and servers in short; exit code 1 where something is not healthy.
    #[command(after_help = "Example:\n  opengslb-cli status --expected-agents 3")]
    Status {
        /// How many agents there should be.
        #[arg(long, value_name = "N")]
        expected_agents: Option<usize>,
    },
    /// What is steered, and how.
    #[command(after_help = "Examples:\n  opengslb-cli domains --json\n  \
                      opengslb-cli domains create app.demo.local '{\"regions\": [\"eu-west\"]}'")]
    Domains(WordsAboutDomains),
    /// Every server, its standing and who says so.
    #[command(
        visible_alias = "backends",
        after_help = "Example:\n  opengslb-cli servers --service app.demo.local --status unhealthy"
    )]
    Servers(WordsAboutServers),
    /// Who reports, and who may.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli agents list\n  opengslb-cli agents approve backend-eu-west"
    )]
    Agents(Agents),
    /// Servers forced up or down, or draining, by an operator.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli overrides list\n  \
                      opengslb-cli overrides set app.demo.local 10.2.1.10 --drain"
    )]
    Overrides(Overrides),
    /// What was learned.
    #[command(subcommand, after_help = "Example:\n  opengslb-cli latency show --limit 20")]
    Latency(Latency),
    /// Where a client is sent, and why.
    #[command(after_help = "Examples:\n  opengslb-cli explain app.demo.local 10.1.2.0/24\n  \
                      opengslb-cli explain app.demo.local 10.1.2.10 --json")]
    Explain(WantedStory),
    /// Networks that are sent to a region by hand.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli pins set app.demo.local 10.1.2.0/24 eu-west\n  \
                      opengslb-cli pins list"
    )]
    Pins(Pins),
    /// Regions, and emptying them by steps.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli regions drain eu-west --share 0.25\n  \
                      opengslb-cli regions undrain eu-west --over 10m"
    )]
    Regions(Regions),
    /// Networks that are placed by hand, before anything is learned.
    #[command(
        subcommand,
        after_help = "Example:\n  opengslb-cli mappings create 10.1.0.0/16 '{\"region\": \"eu-west\"}'"
    )]
    Mappings(Mappings),
    /// What learning may do, and did.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli learning status\n  \
                      opengslb-cli learning freeze app.demo.local"
    )]
    Learning(Learning),
    /// Whose questions resolvers ask that name no client network.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli resolvers set weights.json\n  \
                      opengslb-cli resolvers list"
    )]
    Resolvers(Resolvers),
    /// The keys of signed zones, and what the zone above has to know of them.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli dnssec status\n  opengslb-cli dnssec ds demo.local\n  \
                      opengslb-cli dnssec roll demo.local"
    )]
    Dnssec(Dnssec),
    /// Who may speak to the API from elsewhere.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli tokens create deploy --role operate\n  \
                      opengslb-cli tokens list"
    )]
    Tokens(Tokens),
    /// Where geography has an address.
    #[command(subcommand, after_help = "Example:\n  opengslb-cli geo test 10.1.2.10")]
    Geo(Geo),
    /// Make files of this program from those of another, with a report of what changed.
    #[command(
        subcommand,
        after_help = "Example:\n  opengslb-cli import go overwatch.yaml agent.yaml --to imported"
    )]
    Import(Import),
    /// The whole on one screen, again and again: servers, agents, learning. `q` ends it.
    #[command(after_help = "Examples:\n  opengslb-cli top\n  opengslb-cli top --every 10s")]
    Top(WantedTop),
    /// What a shell has to know to complete these words.
    #[command(after_help = "Examples:\n  opengslb-cli completion bash\n  \
                      opengslb-cli completion zsh\n  opengslb-cli completion fish")]
    Completion(WantedCompletion),
    /// What was changed, and by whom, the newest first.
    #[command(after_help = "Example:\n  opengslb-cli audit")]
    Audit,
    /// Who reports times that is no agent.
    #[command(
        subcommand,
        after_help = "Examples:\n  opengslb-cli sources list\n  opengslb-cli sources forget probe"
    )]
    Sources(Sources),
    /// The other overwatches, and whether they are reached.
    #[command(after_help = "Example:\n  opengslb-cli peers")]
    Peers,
    /// Whether the overwatch lives, however its servers are: for whoever starts it anew where it does not.
    #[command(after_help = "Example:\n  opengslb-cli live")]
    Live,
    /// A webhook for ExternalDNS, beside it in its pod: what it finds becomes domains and servers.
    #[command(
        after_help = "Example:\n  opengslb-cli externaldns --zone example.com --region eu-west"
    )]
    Externaldns(WantedWebhook),
    /// The overwatch reads its configuration again; exit code 1 with every fault where it is not
    /// right, and nothing is changed.
    #[command(after_help = "Example:\n  opengslb-cli reload")]
    Reload,
    /// Write all that survives a restart to a file; zones' keys are in it.
    #[command(after_help = "Example:\n  opengslb-cli backup opengslb-store.json")]
    Backup(BackUp),
    /// Put a backup in the place of the store; the overwatch must not run.
    #[command(after_help = "Example:\n  opengslb-cli restore opengslb-store.json")]
    Restore(Restore),
    /// Whether resolvers will find a zone, and what they will see.
    #[command(after_help = "Examples:\n  opengslb-cli preflight demo.example.net\n  \
                      opengslb-cli preflight demo.example.net --overwatch http://192.0.2.53:8080 \
                      --overwatch http://198.51.100.53:8080\n  \
                      opengslb-cli preflight demo.local --resolver 10.1.1.2 --name app.demo.local")]
    Preflight(WantedFlight),
}

#[cfg(test)]
mod tests {
    use clap::{Command as Clap, CommandFactory as _};

    use super::*;

    /// Every command with its words.
    fn walk(command: &Clap, words: &str, all: &mut Vec<(String, String)>) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        all.push((words.to_owned(), help));
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            walk(below, &format!("{words} {}", below.get_name()), all);
        }
    }

    /// A line as a shell would take it apart, as far as examples go: quotes hold words together.
    fn split(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in line.chars() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(open), _) if open == c => quote = None,
                (None, ' ') => words.push(String::new()),
                _ => words.last_mut().unwrap().push(c),
            }
        }
        words
    }

    #[test]
    fn every_command_has_an_example_of_itself_that_is_right() {
        let mut all = Vec::new();
        walk(&Arguments::command(), "opengslb-cli", &mut all);
        assert!(all.len() > 70, "{}", all.len());
        // Words that several commands share have one example for each of them.
        let lines = |help: &str| -> Vec<String> {
            let ours = |line: &str| {
                let ours = line.get(line.find("opengslb-cli")?..)?;
                // What is around it is the shell's.
                let ours = ours.split([')', '>', '<', '|']).next().unwrap_or(ours);
                Some(ours.trim().to_owned())
            };
            help.lines().filter_map(ours).collect()
        };
        for (words, help) in &all {
            let examples = lines(help);
            let is_own = |line: &String| line == words || line.starts_with(&format!("{words} "));
            assert!(examples.iter().any(is_own), "{words} has no example of its own:\n{help}");
            for example in examples {
                let parsed = Arguments::try_parse_from(split(&example));
                assert!(parsed.is_ok(), "{example}: {:?}", parsed.err().map(|e| e.to_string()));
            }
        }
    }
}
