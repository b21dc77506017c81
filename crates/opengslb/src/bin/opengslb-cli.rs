//! The `opengslb-cli` binary. Nothing is here: see `opengslb::cli`.

fn main() -> std::process::ExitCode {
    opengslb::cli::main()
}
