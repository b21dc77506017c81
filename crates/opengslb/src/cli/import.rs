//! `opengslb-cli import`: files of other programs read, ours written beside, and a report of what changed.
//!
//! Nothing is overwritten, and nothing but the new files is touched: no overwatch is asked.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use import::{Brought, Kind, Made, bind, gdnsd, go};

use super::failure::Failure;
use super::output::{Output, say};

/// From what.
#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// The former program's YAML: an overwatch's file and those of its agents, best all at once.
    #[command(after_help = "Example:\n  \
                            opengslb-cli import go overwatch.yaml agent-eu.yaml --to imported")]
    Go(FromGo),
    /// The geography of gdnsd: one map, its datacenters and resources.
    #[command(after_help = "Example:\n  \
                            opengslb-cli import gdnsd config --domain www.example.com=prod_www --to imported")]
    Gdnsd(FromGdnsd),
    /// A zone file as BIND takes it.
    #[command(
        after_help = "Example:\n  opengslb-cli import bind example.com db.example.com --to imported"
    )]
    Bind(FromBind),
}

/// Where to.
#[derive(Debug, Args)]
struct To {
    /// The directory that the new files go to, by the names of the old; none may be there yet.
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
}

/// The former program's.
#[derive(Debug, Args)]
pub(super) struct FromGo {
    /// The files.
    #[arg(required = true)]
    file: Vec<PathBuf>,
    /// What stands in the place of 127.0.0.1, where an agent's server has that address.
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// The files are parts that another one includes.
    #[arg(long)]
    part: bool,
    #[command(flatten)]
    to: To,
}

/// gdnsd's.
#[derive(Debug, Args)]
pub(super) struct FromGdnsd {
    /// Its configuration.
    file: PathBuf,
    /// Which map, where there are several.
    #[arg(long)]
    map: Option<String>,
    /// A name and the resource that answers for it; may be given several times.
    #[arg(long, value_name = "NAME=RESOURCE", value_parser = pair)]
    domain: Vec<(String, String)>,
    #[command(flatten)]
    to: To,
}

/// BIND's.
#[derive(Debug, Args)]
pub(super) struct FromBind {
    /// The zone's name.
    zone: String,
    /// Its file; files that it includes are found beside it.
    file: PathBuf,
    #[command(flatten)]
    to: To,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, resource) = text.split_once('=').ok_or("expected NAME=RESOURCE")?;
    Ok((name.to_owned(), resource.to_owned()))
}

/// Reads, writes and reports; whether nothing is left to do.
pub(super) fn run(output: &Output, from: Import) -> Result<bool, Failure> {
    let refused = |unread: import::Unread| Failure::Refused(unread.to_string());
    let (made, to) = match from {
        Import::Go(FromGo { file, address, part, to }) => {
            let files = file.iter().map(|file| brought(file)).collect::<Result<Vec<_>, _>>()?;
            let terms = go::Terms { mesh_key: &new_key()?, address, is_part: part };
            (go::import(&files, &terms).map_err(refused)?, to)
        }
        Import::Gdnsd(FromGdnsd { file, map, domain, to }) => {
            let terms =
                gdnsd::Terms { mesh_key: &new_key()?, map: map.as_deref(), domains: &domain };
            (vec![gdnsd::import(&brought(&file)?, &terms).map_err(refused)?], to)
        }
        Import::Bind(FromBind { zone, file, to }) => {
            let beside = file.parent().unwrap_or(Path::new(".")).to_owned();
            let read = |name: &str| {
                fs::read_to_string(beside.join(name)).map_err(|error| error.to_string())
            };
            let terms = bind::Terms { zone: &zone, read: &read };
            (vec![bind::import(&brought(&file)?, &terms).map_err(refused)?], to)
        }
    };
    write(&made, &to.to)?;
    report(output, &made, &to.to);
    Ok(made.iter().flat_map(|made| &made.notes).all(|note| note.kind != Kind::ToDo))
}

fn brought(path: &Path) -> Result<Brought, Failure> {
    let wrong =
        |what: &dyn std::fmt::Display| Failure::Refused(format!("{}: {what}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let name = path.file_name().ok_or_else(|| wrong(&"is no file"))?;
    Ok(Brought { name: name.to_string_lossy().into_owned(), text })
}

/// 32 bytes of the kernel's, in base64.
fn new_key() -> Result<String, Failure> {
    let mut key = [0; 32];
    let mut random = fs::File::open("/dev/urandom");
    let read = random.as_mut().map_err(|error| error.to_string());
    read.and_then(|random| random.read_exact(&mut key).map_err(|error| error.to_string()))
        .map_err(|error| Failure::Refused(format!("/dev/urandom: {error}")))?;
    Ok(STANDARD.encode(key))
}

/// Writes new files for their owner only: there are secrets in them.
fn write(made: &[Made], to: &Path) -> Result<(), Failure> {
    let wrong = |path: &Path, error: std::io::Error| {
        Failure::Refused(format!("{}: {error}", path.display()))
    };
    fs::create_dir_all(to).map_err(|error| wrong(to, error))?;
    for file in made {
        let path = to.join(&file.name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let opened = options.open(&path);
        let written = opened.and_then(|mut new| new.write_all(file.text.as_bytes()));
        written.map_err(|error| wrong(&path, error))?;
    }
    Ok(())
}

fn report(output: &Output, made: &[Made], to: &Path) {
    if output.is_json {
        let notes = made.iter().flat_map(|file| {
            file.notes.iter().map(move |note| {
                serde_json::json!({
                    "file": file.name, "kind": note.kind.as_str(), "place": note.place, "what": note.what,
                })
            })
        });
        return say(&serde_json::json!({ "notes": notes.collect::<Vec<_>>() }).to_string());
    }
    for file in made {
        say(&format!("{}", to.join(&file.name).display()));
        let row = |note: &import::Note| {
            vec![format!("  {}", note.kind.as_str()), note.place.clone(), note.what.clone()]
        };
        let rows: Vec<Vec<String>> = file.notes.iter().map(row).collect();
        if !rows.is_empty() {
            output.table(&["  KIND", "WHERE", "WHAT"], &rows);
        }
    }
}
