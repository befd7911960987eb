//! Measures the release binary against references of the same run: `cargo run --release -p bench`.
//! What the rows mean stands in `bench/README.md`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people on a terminal")]
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool, no part of the service: it measures time"
)]

mod accounts;
mod binary;
mod figures;
mod hello;
mod http;
mod load;
mod open_load;
mod process;
mod raw_key;
mod rows;
mod sample;
mod server;
mod slow_disk;
mod table;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use table::Table;

/// What went wrong, for a person to read.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(name = "bench", about = "Measures the release binary; prints a table, asserts nothing")]
struct Arguments {
    /// One short round of everything: to see that it runs, not to believe its figures
    #[arg(long)]
    quick: bool,

    /// Measure Express too (npm installs it into target/)
    #[arg(long)]
    peers: bool,

    /// Put the table into bench/README.md
    #[arg(long)]
    write: bool,

    /// How many users the grown database has
    #[arg(long, value_name = "USERS", default_value_t = 200_000)]
    growth: u32,

    /// Measure this binary instead of building one, such as that of another commit
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,

    /// Only these groups of rows, comma-separated
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,

    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Subcommand)]
enum Mode {
    /// The reference server, as a process of its own
    #[command(hide = true)]
    Hello {
        /// A public key as JWK: `/me` then verifies the bearer with it
        #[arg(long)]
        key: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    Passwords,
    Refresh,
    Bearer,
    Verify,
    Mixed,
    Overload,
    Start,
    Growth,
    Enumeration,
    Stores,
}

impl Group {
    const ALL: [Self; 10] = [
        Self::Passwords,
        Self::Refresh,
        Self::Bearer,
        Self::Verify,
        Self::Mixed,
        Self::Overload,
        Self::Start,
        Self::Growth,
        Self::Enumeration,
        Self::Stores,
    ];
}

/// What all measurements share.
pub(crate) struct Bench {
    /// The release binary.
    pub(crate) binary: PathBuf,
    /// Where servers keep their data: on the disk of the checkout, gone afterwards.
    pub(crate) folder: PathBuf,
    pub(crate) cores: usize,
    pub(crate) timing: Timing,
    pub(crate) growth_users: u32,
}

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Timing {
    /// Measured and reference take turns so often.
    pub(crate) rounds: u32,
    pub(crate) round: Duration,
    pub(crate) mixed: Duration,
    pub(crate) overload: Duration,
    pub(crate) starts: usize,
    /// How often each of two kinds of addresses is asked for.
    pub(crate) pairs: u32,
}

impl Timing {
    const FULL: Self = Self {
        rounds: 5,
        round: Duration::from_secs(2),
        mixed: Duration::from_secs(20),
        overload: Duration::from_secs(12),
        starts: 15,
        pairs: 400,
    };
    const QUICK: Self = Self {
        rounds: 1,
        round: Duration::from_secs(1),
        mixed: Duration::from_secs(4),
        overload: Duration::from_secs(4),
        starts: 3,
        pairs: 40,
    };
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    if let Some(Mode::Hello { key }) = &arguments.mode {
        return hello::serve(key.as_deref());
    }
    // Read before we build: that the build kept the machine busy says nothing of what comes.
    let load = figures::load_average()?;
    let binary = match &arguments.binary {
        Some(binary) => binary.canonicalize()?,
        None => binary::build()?,
    };
    // On the disk of the build: a temporary folder may lie in memory, where nothing is durable.
    let disk = binary.parent().ok_or("the binary lies nowhere")?;
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(disk)?;
    let bench = Bench {
        binary,
        folder: folder.path().to_owned(),
        cores: std::thread::available_parallelism()?.get(),
        timing: if arguments.quick { Timing::QUICK } else { Timing::FULL },
        growth_users: if arguments.quick { arguments.growth.min(20_000) } else { arguments.growth },
    };
    let mut table = Table::new(rows::introduction(&bench, load, arguments.quick)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for group in Group::ALL {
            if arguments.only.is_empty() || arguments.only.contains(&group) {
                measure(group, &bench, &mut table).await?;
            }
        }
        if arguments.peers {
            rows::peers::measure(&bench, &mut table).await?;
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    println!("{}", table.markdown());
    if arguments.write {
        table.write(&binary::root().join("bench/README.md"))?;
    }
    Ok(())
}

async fn measure(group: Group, bench: &Bench, table: &mut Table) -> Result<()> {
    eprintln!("measuring: {group:?}");
    match group {
        Group::Passwords => rows::passwords::measure(bench, table).await,
        Group::Refresh => rows::refresh::measure(bench, table).await,
        Group::Bearer => rows::bearer::measure(bench, table).await,
        Group::Verify => rows::verify::measure(bench, table).await,
        Group::Mixed => rows::mixed::measure(bench, table).await,
        Group::Overload => rows::overload::measure(bench, table).await,
        Group::Start => rows::start::measure(bench, table).await,
        Group::Growth => rows::growth::measure(bench, table).await,
        Group::Enumeration => rows::enumeration::measure(bench, table).await,
        Group::Stores => rows::stores::measure(bench, table).await,
    }
}
