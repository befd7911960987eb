use crate::catalogue::Catalogue;
use crate::layers::Layers;
use crate::reader::{Reader, Refused};
use crate::server::Addresses;
use crate::{
    CodeSettings, DataKeySettings, Environment, EphemeralSettings, EventSettings, KeySettings,
    LimitSettings, LogSettings, MailSettings, MfaSettings, Mistakes, PasswordSettings,
    RegistrationSettings, ServerSettings, Source, Sources, StorageSettings, TokenSettings, Warning,
};
use crate::{
    borrowed, codes, environment, ephemeral, events, keys, limits, log, mail, mfa, password,
    registration, server, storage, tokens,
};

/// Everything that can be set, valid in itself and together.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the deployment is for.
    pub environment: Environment,
    /// What seals keys at rest.
    pub data_key: DataKeySettings,
    /// How the world reaches the service.
    pub server: ServerSettings,
    /// Where the records are kept.
    pub storage: StorageSettings,
    /// Where what need not last is kept.
    pub ephemeral: EphemeralSettings,
    /// How often something may be tried.
    pub limits: LimitSettings,
    /// How access tokens are signed.
    pub keys: KeySettings,
    /// What tokens say and how long they are valid.
    pub tokens: TokenSettings,
    /// Whether people may sign themselves up.
    pub registration: RegistrationSettings,
    /// What passwords must be and how they are hashed.
    pub password: PasswordSettings,
    /// What the second factor is called, who must have one, and where it may be skipped.
    pub mfa: MfaSettings,
    /// How long the links in mails work.
    pub codes: CodeSettings,
    /// How mails are sent and what they call us.
    pub mail: MailSettings,
    /// Who is told what happens.
    pub events: EventSettings,
    /// What is logged and how.
    pub log: LogSettings,
}

/// Settings, and how they came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the service works with.
    pub settings: Settings,
    /// What may not be as it was meant; to be logged at start.
    pub warnings: Vec<Warning>,
    /// Every setting that exists, in the order of `config/default.toml`, for `doorward config
    /// show`.
    pub shown: Vec<ShownSetting>,
}

/// One setting for people to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownSetting {
    /// Its path, such as `server.listen`.
    pub path: String,
    /// Its value as TOML; a secret that is written is hidden, and what is derived is worked out.
    pub value: String,
    /// Where the value comes from.
    pub source: Source,
}

impl Settings {
    /// Reads the settings from the embedded defaults and `sources`. Opens the settings file and
    /// nothing else, and blocks while it does.
    pub fn load(sources: &Sources) -> Result<Loaded, Mistakes> {
        let catalogue = Catalogue::embedded();
        let mut layers = Layers::read(&catalogue, sources);
        if layers.is_file_lost {
            // Going on would report everything as missing that the file should have set.
            return Err(Mistakes(layers.mistakes));
        }
        borrowed::apply(&mut layers, sources);
        let mut reader = Reader::new(layers);
        let settings = read(&mut reader);
        let shown = catalogue.settings.into_iter().map(|known| {
            let (value, source) = reader.shown(&known.path);
            ShownSetting { path: known.path, value, source }
        });
        let shown = shown.collect();
        let (mistakes, warnings) = reader.into_findings();
        match settings {
            Ok(settings) if mistakes.is_empty() => Ok(Loaded { settings, warnings, shown }),
            _ => Err(Mistakes(mistakes)),
        }
    }
}

/// Reads all sections, so that the mistakes of all are found.
fn read(reader: &mut Reader) -> Result<Settings, Refused> {
    let addresses = Addresses::read(reader);
    let environment = environment::read(reader, &addresses);
    let access_ttl = tokens::read_access_ttl(reader);

    let data_key = keys::read_data_key(reader, environment);
    let server = server::read(reader, addresses, environment);
    let storage = storage::read(reader, environment);
    let ephemeral = ephemeral::read(reader, environment);
    let limits = limits::read(reader);
    let keys = keys::read(reader, environment, access_ttl);
    let tokens = tokens::read(reader, access_ttl);
    let registration = registration::read(reader);
    let password = password::read(reader);
    let mfa = mfa::read(reader);
    let codes = codes::read(reader);
    let mail = mail::read(reader, environment);
    let events = events::read(reader);
    let log = log::read(reader);
    Ok(Settings {
        environment: environment?,
        data_key: data_key?,
        server: server?,
        storage: storage?,
        ephemeral: ephemeral?,
        limits: limits?,
        keys: keys?,
        tokens: tokens?,
        registration: registration?,
        password: password?,
        mfa: mfa?,
        codes: codes?,
        mail: mail?,
        events: events?,
        log: log?,
    })
}
