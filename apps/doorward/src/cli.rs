#![expect(clippy::doc_markdown, reason = "clap prints these comments as they are")]

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Signs people up, signs them in, and hands services tokens that they can trust.
#[derive(Debug, Parser)]
#[command(name = "doorward", version, after_help = "Example: doorward serve")]
pub(crate) struct Cli {
    /// A TOML file with settings; else DOORWARD_CONFIG names one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve HTTP until told to stop
    #[command(after_help = "Example: DOORWARD_SERVER__LISTEN=127.0.0.1:9000 doorward serve")]
    Serve,
    /// Create or upgrade the schema
    #[command(after_help = "Example: doorward migrate --check")]
    Migrate {
        /// Change nothing: say what is pending, and exit with 1 if anything is
        #[arg(long)]
        check: bool,
    },
    /// Make, show and change users
    #[command(after_help = "Example: doorward user create --email ada@example.com --role ADMIN")]
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// See and change what signs tokens
    #[command(after_help = "Example: doorward key list")]
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// See what mails say
    #[command(after_help = "Example: doorward mail preview reset_password")]
    Mail {
        #[command(subcommand)]
        command: MailCommand,
    },
    /// See mails that were not sent yet, and have them tried again
    #[command(after_help = "Example: doorward outbox list")]
    Outbox {
        #[command(subcommand)]
        command: OutboxCommand,
    },
    /// Try everything that the service depends on, and say what is wrong and how to mend it
    #[command(after_help = "Example: doorward doctor")]
    Doctor,
    /// Check and show the settings
    #[command(after_help = "Example: doorward config check --config doorward.toml")]
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Exit with 0 if the local server is live, for health checks of containers
    #[command(after_help = "Example: doorward healthcheck")]
    Healthcheck,
    /// Print the HTTP contract (OpenAPI 3.1)
    #[command(after_help = "Example: doorward openapi > openapi.json")]
    Openapi,
    /// Print a generated page of the documentation
    #[command(hide = true)]
    Reference { page: Page },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Page {
    Settings,
    ErrorCodes,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user; the password is read from standard input or asked for
    #[command(after_help = "Example: doorward user create --email ada@example.com < password.txt")]
    Create {
        /// The address
        #[arg(long)]
        email: String,
        /// The user name
        #[arg(long)]
        username: Option<String>,
        /// What to call the person
        #[arg(long)]
        name: Option<String>,
        /// A role; repeat it for more. None: registration.default_roles
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
        /// You know that the address is theirs: it need not be verified
        #[arg(long)]
        verified: bool,
    },
    /// Show a user
    #[command(after_help = "Example: doorward user show ada@example.com")]
    Show {
        /// An id, an address, or a user name
        user: String,
    },
    /// List users by id
    #[command(after_help = "Example: doorward user list --limit 20")]
    List {
        /// Only users after this id
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// How many at the most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Set all roles of a user
    #[command(after_help = "Example: doorward user set-roles ada@example.com ADMIN USER")]
    SetRoles {
        /// An id, an address, or a user name
        user: String,
        /// Every role that the user shall hold
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Remove the second factor of a user who has lost it; ends all sessions and tells the user
    #[command(after_help = "Example: doorward user reset-mfa ada@example.com")]
    ResetMfa {
        /// An id, an address, or a user name
        user: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List the keys, with what each does and from when to when
    #[command(after_help = "Example: doorward key list --json")]
    List,
    /// Make a key that signs once it was published for keys.publish_ahead
    #[command(after_help = "Example: doorward key rotate")]
    Rotate {
        /// Have it sign in a minute: for an emergency
        #[arg(long)]
        now: bool,
    },
    /// Remove a key at once: for one that was stolen. Its tokens are refused
    #[command(after_help = "Example: doorward key revoke qJpXk0s1…")]
    Revoke {
        /// The kid, as `doorward key list` shows it
        kid: String,
    },
    /// Print a new secret of 256 bits, for keys.shared_secret
    #[command(after_help = "Example: doorward key generate --json-key JWT_SECRET")]
    Generate {
        /// Print a JSON object that has the secret under this name
        #[arg(long, value_name = "KEY")]
        json_key: Option<String>,
    },
    /// Do one step of a rotation by AWS Secrets Manager: its event is read from standard input
    #[command(after_help = "Example: doorward key rotation-step ring < event.json")]
    RotationStep {
        /// What the secret holds
        secret: RotatedSecret,
    },
    /// Be the AWS Lambda function that Secrets Manager calls for each step of a rotation
    #[command(after_help = "Example: doorward key rotation-function shared-secret")]
    RotationFunction {
        /// What the secret holds
        secret: RotatedSecret,
    },
    /// Seal what is stored with the first key of data_key, so that the others can be removed
    #[command(after_help = "Example: doorward key reseal")]
    Reseal,
}

/// What a secret of AWS Secrets Manager holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RotatedSecret {
    /// The key ring, as keys.source names it
    Ring,
    /// A secret of keys.shared_secret
    SharedSecret,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Print a mail with sample values; without a name, the names of all
    #[command(after_help = "Example: doorward mail preview verify_address --html > mail.html")]
    Preview {
        /// The mail
        template: Option<String>,
        /// The HTML and not the text
        #[arg(long)]
        html: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// List mails that wait or were given up, with what went wrong
    #[command(after_help = "Example: doorward outbox list --limit 20")]
    List {
        /// Only mails after this id
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// How many at the most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Have a mail tried again at once, or all that were given up
    #[command(after_help = "Example: doorward outbox retry --all")]
    Retry {
        /// The id of the mail
        #[arg(required_unless_present = "all")]
        mail: Option<String>,
        /// Every mail that was given up
        #[arg(long, conflicts_with = "mail")]
        all: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say whether the settings are right, and exit with 2 if not
    #[command(after_help = "Example: doorward config check")]
    Check,
    /// Print every setting with its value and source, secrets hidden
    #[command(after_help = "Example: doorward config show --json")]
    Show,
}
